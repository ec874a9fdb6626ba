#include "client/topics.h"

#include "proto/base.h"

/* clang-format off */
static const struct topic topics[] = {
	{"times", NULL, "90s, 2h30m, 'tomorrow 9:00'",
	 "Times are written like 90s, 5m, 2h30m, 1d, 1w or 500ms; a number alone is\n"
	 "seconds. The last part may have a fraction: 1.5h.\n\n"
	 "Points in time (--at), local unless they say where:\n\n"
	 "  14:30  9am  noon  midnight      the next time it is that late\n"
	 "  today 18:00  tomorrow 9:00  9:30pm tomorrow\n"
	 "  monday  fri 17:15  dec 24       the next such day\n"
	 "  2026-11-22  2026-11-22 09:00  2026-11-22T09:00Z\n"
	 "  +2h30m  now + 1 hour            so much later, as --in 2h30m\n"
	 "  @1760000000                     seconds since 1970\n\n"
	 "What was understood is printed back, with its zone. Of an hour that comes\n"
	 "twice, because the clocks go back, the first is meant.\n"},
	{"sizes", NULL, "512, 64K, 1.5G",
	 "Sizes are bytes, or written with K, M, G or T: 64K is 65536 bytes, 1.5G\n"
	 "is one and a half times 1024 x 1024 x 1024. KiB and KB mean the same\n"
	 "as K.\n\n"
	 "  reeve submit --limit as=2G --limit fsize=512M ./convert\n"},
	{"selectors", NULL, "42, 40-60, last, -",
	 "Jobs by their numbers, wherever a command says JOB:\n\n"
	 "  42  40-60  40-60:2  1-5,8       one, a range, each second one, a list\n"
	 "  last                            the newest\n"
	 "  -                               numbers from stdin: the first word of\n"
	 "                                  each line, so that a listing will do\n\n"
	 "  reeve ls -o ids failed newer=1h | reeve retry -\n\n"
	 "Or by what they are: reeve help filters.\n"},
	{"filters", NULL, "failed queue=mail newer=1d not:name=x",
	 "Which jobs, in plain words that no shell touches:\n\n"
	 "  42  40-60  1-5,8  last  -       numbers: reeve help selectors\n"
	 "  held blocked scheduled ready running succeeded failed cancelled\n"
	 "  waiting unfinished done ended   several states at once\n"
	 "  all                             every job\n"
	 "  state=failed,cancelled  queue=Q  group=G  key=K  handler=H\n"
	 "  group=last                      of the newest map\n"
	 "  exit=3  user=NAME  tag:k=v\n"
	 "  name=N                          given by --name, the whole of it\n"
	 "  command=TEXT                    a part of the command, which ls shows as\n"
	 "                                  NAME where none was given\n"
	 "  cause=C                         exit signal timeout memory cancelled\n"
	 "                                  dependency worker_lost host_lost\n"
	 "                                  rejected expired handler exec\n"
	 "  follows=17                      callbacks of job 17\n"
	 "  newer=1d  older=2h              submitted less, more than so long ago\n"
	 "  longer=10m                      ran, or runs, at least so long\n"
	 "  not:failed  not:queue=mail      leave out what has this\n\n"
	 "States may be written @failed. Words are joined by \"and\"; numbers, and\n"
	 "states, among themselves by \"or\". Whatever changes more than it was\n"
	 "given by number asks first, or needs --yes; --dry-run only tells how many\n"
	 "there are, and the first of them.\n"},
	{"exit", "exit-codes", "what the codes of reeve mean",
	 "  0        fine\n"
	 "  1 2 3 4  it failed; usage; not found; refused by the daemon\n"
	 "  120      no daemon answers\n\n"
	 "run, submit -w and wait of one job exit with the job's own code, and\n\n"
	 "  128+n    killed by signal n        121  cancelled\n"
	 "  122      its worker was lost       123  a job before it failed\n"
	 "  124      timeout                   125  refused, internal\n"
	 "  126 127  it could not be started\n\n"
	 "wait of several and map: 1 when any of them failed. work: 0 when it ended\n"
	 "as told; with --once the command's code; 128+n when jobs were put back.\n"},
	{"retry", NULL, "when a job is tried again, by itself or by you",
	 "By itself, when it was submitted so:\n\n"
	 "  --retry 5                up to five more times when it fails\n"
	 "  --backoff 1s..10m        the wait before the next, doubled each time\n"
	 "  --retry-jitter 20%       so much more or less than that, by chance\n"
	 "  --retry-on exit,timeout  after these ends only: exit, signal, timeout,\n"
	 "                           memory, handler; and exec, which is not tried\n"
	 "                           again unless it is named\n"
	 "  --retry-exit 75,100-111  after these exit codes only\n\n"
	 "A try that was lost with its worker or with the machine is not a failure\n"
	 "of the job: it is repeated until --crash-limit of them were lost. --once\n"
	 "is never started twice, whatever happens.\n\n"
	 "By you: reeve retry 42, reeve retry failed newer=1h. It keeps its number,\n"
	 "its tries are counted on; --reset counts failures from zero again.\n"
	 "reeve show tells of each try.\n"},
	{"callbacks", NULL, "who is told when a job has ended",
	 "A callback is a job that is made when another one has ended, in the same\n"
	 "transaction as that end, so it is there whatever happens then:\n\n"
	 "  reeve submit --on-failure './alert.sh me' ./backup.sh\n"
	 "  reeve submit --on-done-url https://example.org/hook make\n"
	 "  reeve submit --on-success-call 'notify {\"to\":\"me\"}' make\n"
	 "  reeve map --on-all-done ./summary.sh ./convert ::: *.png\n"
	 "  reeve queue set mail --on-failure './alert.sh mail'\n\n"
	 "on-success: it succeeded. on-failure: it failed and is not tried again, or\n"
	 "was cancelled, or expired. on-done: either. Each may be given 16 times.\n"
	 "--on-success of map is for each of its jobs, --on-all-success for all of\n"
	 "them together. For all jobs, or a queue's, a file says it: reeve.yaml(5).\n\n"
	 "A command is split into words as a shell would do it, and no shell runs it\n"
	 "(sh -c '...' does). It runs where the job did, has the job as JSON on stdin\n"
	 "and REEVE_OF_JOB, REEVE_OF_STATE, REEVE_OF_CAUSE, REEVE_OF_EXIT_CODE, ... in\n"
	 "its environment. A handler finds it in its arguments as job, a server in the\n"
	 "body of the POST. Of a group it is the group, with counts.\n\n"
	 "Callbacks wait in the queue callbacks, may take 30s and are tried 5 times;\n"
	 "--callback-queue, --callback-timeout and --callback-retry say otherwise for\n"
	 "all that are named beside them. What failed even so, and whom it followed:\n\n"
	 "  reeve ls failed queue=callbacks; reeve show 18; reeve ls -a follows=17\n"
	 "  reeve retry failed queue=callbacks\n"},
	{"handlers", NULL, "functions of a pool: how to call them",
	 "A handler is a function in a program that stays: a pool of the\n"
	 "configuration says which there are (reeve pool ls). It is given one JSON\n"
	 "object and returns a JSON value:\n\n"
	 "  reeve call thumb path=a.png width:=200       NAME=TEXT, NAME:=JSON\n"
	 "  reeve call thumb '{\"path\":\"a.png\"}'        or all of it\n"
	 "  reeve call thumb - <args.json\n"
	 "  reeve submit --handler thumb path=a.png      prints the id\n"
	 "  reeve map --handler thumb path={} ::: *.png  results, a line each\n\n"
	 "In Python {\"path\":\"a.png\"} is thumb(path='a.png'), and\n"
	 "{\"args\":[\"a.png\"]} is thumb('a.png'). See reeve-worker(7).\n"},
	{"protocol", NULL, "how programs speak with the daemon",
	 "One JSON object a line over a Unix socket, answered in order:\n\n"
	 "  $ socat - UNIX-CONNECT:$XDG_RUNTIME_DIR/reeve/reeve.sock\n"
	 "  {\"method\":\"org.reeve.jobs.Submit\",\"parameters\":{\"job\":"
	 "{\"argv\":[\"true\"]}}}\n"
	 "  {\"parameters\":{\"id\":1,\"durability\":\"sync\"}}\n\n"
	 "See reeve-protocol(7). From C: reeve.h and libreeve. From scripts: every\n"
	 "command has --json, described by the files in share/reeve/schema.\n"},
	{"habits", NULL, "what cron, ts, pueue, parallel, Celery say, in reeve",
	 "cron, nohup, at, ts              reeve\n"
	 "  0 3 * * * ./backup             0 3 * * * reeve submit ./backup >/dev/null\n"
	 "  flock -n L ./backup            reeve submit --quiet --unique backup ./backup\n"
	 "  MAILTO=me                      reeve submit --on-failure 'CMD me' ./backup\n"
	 "  ts make, nohup make &          reeve submit make\n"
	 "  ts; ts -l                      reeve ls\n"
	 "  ts -L name make                reeve submit -n name make\n"
	 "  ts -f make                     reeve run make\n"
	 "  ts -c 3; ts -t 3; ts -i 3      reeve logs 3; reeve logs -f 3; reeve show 3\n"
	 "  ts -w 3                        reeve wait 3\n"
	 "  ts -k 3; ts -r 3; ts -C        reeve cancel 3; reeve rm 3; reeve rm ended\n"
	 "  ts -u 3                        reeve edit --priority 100 3\n"
	 "  echo make | at 18:00           reeve submit --at 18:00 make\n"
	 "pueue\n"
	 "  add -g mail --delay 1h X       reeve submit -q mail --in 1h X\n"
	 "  add --stashed X; enqueue 3     reeve submit --hold X; reeve release 3\n"
	 "  status; log 3; follow 3        reeve ls; reeve logs 3; reeve logs -f 3\n"
	 "  pause -w -g mail               reeve queue pause mail\n"
	 "  start -g mail                  reeve queue resume mail\n"
	 "  restart 3; restart -a          reeve retry 3; reeve retry failed\n"
	 "  edit 3; clean                  reeve edit 3; reeve rm ended\n"
	 "GNU parallel, xargs\n"
	 "  parallel -j4 gzip ::: *.log    reeve map -j4 gzip ::: *.log\n"
	 "  parallel -k --dry-run X {.}    reeve map -k --dry-run X {.}\n"
	 "  parallel --tag X               reeve map --prefix X\n"
	 "  parallel --colsep , X {2} {1}  reeve map --colsep , X {2} {1}\n"
	 "  parallel 'a {} | b'            reeve map --sh 'a {} | b'\n"
	 "  parallel --halt now,fail=1 X   reeve map --max-fail 1 X\n"
	 "  parallel --resume-failed X     reeve map --retry-failed GROUP\n"
	 "  find -print0 | xargs -0 X      find -print0 | reeve map -0 X\n"
	 "sbatch and its kin\n"
	 "  sbatch job.sh; srun job.sh     reeve submit ./job.sh; reeve run ./job.sh\n"
	 "  squeue; squeue --start         reeve ls; reeve explain 3\n"
	 "  scontrol hold 3; release 3     reeve hold 3; reeve release 3\n"
	 "  scontrol requeue 3             reeve retry 3\n"
	 "  scancel -n name                reeve cancel name=name\n"
	 "Celery (for multiprocessing: share/doc/reeve/python/README.md)\n"
	 "  celery -A m worker -c 4        a pool of the configuration, workers: 4\n"
	 "  f.delay(1)                     reeve.Pool().apply_async('f', [1])\n"
	 "  countdown=60, eta=, expires=9  delay=60, run_at=, expire=9\n"
	 "  max_retries=3                  retry=4: all tries are counted\n"
	 "  link_error=                    reeve submit --on-failure CMD make\n"
	 "  inspect active; purge          reeve ls running; reeve cancel waiting\n"
	 "beanstalkd\n"
	 "  use mail; put                  reeve submit -q mail --handler H to=me\n"
	 "  watch mail; reserve; delete    reeve work H -q mail -- ./send\n"
	 "  touch; bury                    it does so itself; the job has failed\n"
	 "  kick; pause-tube mail          reeve retry failed; reeve queue pause mail\n"
	 "  peek-buried; stats-tube mail   reeve ls failed; reeve queue show mail\n"},
	{"environment", NULL, "variables that reeve looks at",
	 "  REEVE_SOCKET       socket of the daemon\n"
	 "  REEVE_RUNTIME_DIR  folder with reeve.sock ($XDG_RUNTIME_DIR/reeve)\n"
	 "  REEVE_AUTOSTART=0  never start a daemon\n"
	 "  REEVED             the daemon to start\n"
	 "  VISUAL, EDITOR     for reeve edit\n"
	 "  REEVE_PROGRESS_FD, REEVE_JOB, REEVE_TOKEN\n"
	 "                     of a job: for reeve progress inside of it\n"
	 "  NO_COLOR, CLICOLOR_FORCE, COLUMNS\n"},
};
/* clang-format on */

const struct topic *topic_at(size_t i)
{
	return i < ARRAY_COUNT(topics) ? &topics[i] : NULL;
}

const struct topic *topic_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_COUNT(topics); i++) {
		if (strcmp(topics[i].name, name) == 0 ||
		    (topics[i].alias && strcmp(topics[i].alias, name) == 0))
			return &topics[i];
	}
	return NULL;
}
