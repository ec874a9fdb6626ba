#include "client/editor.h"

#include "client/say.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define EDITOR_TEXT_MAX (8 * 1024 * 1024)

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	ended = number;
}

static int write_all(int fd, struct slice text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text.p += n;
		text.n -= (size_t)n;
	}
	return 0;
}

int editor_begin(struct tool *tool, struct editor *editor, const char *stem,
		 struct slice text)
{
	const char *folder = getenv("TMPDIR");
	int fd, result;

	*editor = (struct editor){0};
	snprintf(editor->path, sizeof(editor->path), "%s/reeve-%s-XXXXXX",
		 folder && folder[0] == '/' ? folder : "/tmp", stem);
	fd = mkstemp(editor->path);
	if (fd < 0) {
		result = say_fail(tool, EXIT_FAILED,
				  "Set TMPDIR to a folder with room",
				  "cannot make the file %s: %s", editor->path,
				  strerror(errno));
		editor->path[0] = '\0';
		return result;
	}
	result = write_all(fd, text);
	if (close(fd) != 0 && result == 0)
		result = -errno;
	if (result == 0)
		return 0;
	result = say_fail(tool, EXIT_FAILED, "Set TMPDIR to a folder with room",
			  "cannot write %s: %s", editor->path,
			  strerror(-result));
	editor_end(editor, false);
	return result;
}

static const char *command(void)
{
	const char *visual = getenv("VISUAL");
	const char *plain = getenv("EDITOR");

	if (visual && visual[0])
		return visual;
	return plain && plain[0] ? plain : "editor";
}

/* The name may have flags, and is a command line: "code --wait". */
static int spawn(const char *name, char *path, pid_t *ret)
{
	char shell[] = "/bin/sh", flag[] = "-c", line[1024];
	char *argv[] = {shell, flag, line, shell, path, NULL};
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int result;

	if (snprintf(line, sizeof(line), "%s \"$@\"", name) >=
	    (int)sizeof(line))
		return E2BIG;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETSIGMASK);
	result = posix_spawn(ret, shell, NULL, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	return result;
}

static int read_back(struct tool *tool, struct editor *editor)
{
	struct stat facts;
	int fd = open(editor->path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	char *text = NULL;

	/* Some write a new file and rename it: it is opened by its name. */
	if (fd >= 0 && fstat(fd, &facts) == 0) {
		if (facts.st_size > EDITOR_TEXT_MAX)
			errno = EFBIG;
		else
			text = malloc((size_t)facts.st_size + 1);
	}
	if (text)
		n = read(fd, text, (size_t)facts.st_size);
	if (n < 0) {
		int error = errno;

		free(text);
		if (fd >= 0)
			close(fd);
		return say_fail(tool, EXIT_FAILED, "The job is as it was",
				"cannot read %s again: %s", editor->path,
				strerror(error));
	}
	close(fd);
	free(editor->text);
	text[n] = '\0';
	editor->text = text;
	editor->bytes = (size_t)n;
	return 0;
}

static int say_editor(struct tool *tool, const char *name, int status)
{
	if (ended)
		return say_fail(tool, 128 + (int)ended, "The job is as it was",
				"interrupted while %s was open", name);
	if (WIFSIGNALED(status))
		return say_fail(tool, EXIT_FAILED, "The job is as it was",
				"the editor %s was killed by signal %d", name,
				WTERMSIG(status));
	return say_fail(tool, EXIT_FAILED,
			WEXITSTATUS(status) == 127
				? "Set VISUAL or EDITOR to one that is there"
				: "The job is as it was",
			"the editor %s ended with code %d", name,
			WEXITSTATUS(status));
}

int editor_run(struct tool *tool, struct editor *editor)
{
	static const int signals[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
	struct sigaction actions[] = {{.sa_handler = SIG_IGN},
				      {.sa_handler = SIG_IGN},
				      {.sa_handler = on_signal},
				      {.sa_handler = on_signal}};
	struct sigaction before[ARRAY_COUNT(signals)];
	int status = 0, result;
	pid_t pid, dead = 0;

	ended = 0;
	for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
		sigaction(signals[i], &actions[i], &before[i]);
	result = spawn(command(), editor->path, &pid);
	while (result == 0 && !ended && dead <= 0) {
		dead = waitpid(pid, &status, 0);
		if (dead < 0 && errno != EINTR)
			result = errno;
	}
	for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
		sigaction(signals[i], &before[i], NULL);
	if (result != 0)
		return say_fail(tool, EXIT_FAILED, "Set VISUAL or EDITOR",
				"cannot start the editor %s: %s", command(),
				strerror(result));
	if (ended || status != 0)
		return say_editor(tool, command(), status);
	return read_back(tool, editor);
}

void editor_end(struct editor *editor, bool keep)
{
	if (editor->path[0] && !keep)
		unlink(editor->path);
	free(editor->text);
	*editor = (struct editor){0};
}
