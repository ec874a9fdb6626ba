#include "daemon/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/*
 * File systems on which flock() or SQLite's shared memory do not mean what they
 * mean on a disk of this machine, by f_type of statfs(2).
 */
static const struct {
	uint32_t type;
	const char *name;
} unfit[] = {
	{0x00006969, "NFS"},	    {0xff534d42, "CIFS"},
	{0xfe534d42, "SMB"},	    {0x0000517b, "SMB"},
	{0x01021997, "9p"},	    {0x5346414f, "AFS"},
	{0x73757245, "Coda"},	    {0x00c36400, "Ceph"},
	{0x0bd00bd0, "Lustre"},	    {0x01161970, "GFS2"},
	{0x7461636f, "OCFS2"},	    {0x47504653, "GPFS"},
	{0x0000564c, "NCP"},	    {0x65735546, "FUSE"},
	{0x786f4256, "VirtualBox"}, {0xbacbacbc, "VMware"},
	{0x00009fa0, "proc"},	    {0x62656572, "sysfs"},
};

static const char *unfit_name(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_COUNT(unfit); i++)
		if (unfit[i].type == (uint32_t)fs.f_type)
			return unfit[i].name;
	return NULL;
}

static int fault_text(struct config_fault *fault, const char *path,
		      const char *what, const char *next)
{
	snprintf(fault->message, sizeof(fault->message), "%.300s: %s%s%s", path,
		 what, next[0] ? ": " : "", next);
	return CONFIG_E_DIRECTORY;
}

/* mkdir -p; what is there already stays as it is. */
static int make_path(const char *path)
{
	char part[CONFIG_PATH_BYTES];
	size_t n = strlen(path);

	require(n < sizeof(part));
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		/* What lies above may be closed to us; the folder itself not. */
		if (mkdir(part, 0700) < 0 && errno != EEXIST &&
		    (i == n || (errno != EROFS && errno != EACCES)))
			return -errno;
		part[i] = i < n ? '/' : '\0';
	}
	return 0;
}

static int check_folder(int fd, const char *path, struct config_fault *fault)
{
	const char *fs;
	char what[96];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fault_text(fault, path, strerror(errno), "");
	if (st.st_uid != geteuid()) {
		snprintf(what, sizeof(what), "belongs to uid %u",
			 (unsigned)st.st_uid);
		return fault_text(fault, path, what,
				  "start reeved as that user, or name another "
				  "folder");
	}
	if (st.st_mode & 077) {
		snprintf(what, sizeof(what), "is open to others (mode %04o)",
			 (unsigned)st.st_mode & 07777);
		return fault_text(fault, path, what,
				  "chmod 700 it, or name another folder");
	}
	fs = unfit_name(fd);
	if (fs) {
		snprintf(what, sizeof(what), "is on a %s file system", fs);
		return fault_text(fault, path, what,
				  "locks do not hold there; name a folder on "
				  "a disk of this machine");
	}
	return 0;
}

static int cannot(struct config_fault *fault, const char *path,
		  const char *what, int number)
{
	char text[128];

	snprintf(text, sizeof(text), "cannot be %s: %s", what,
		 strerror(number));
	return fault_text(fault, path, text,
			  number == ENOSPC || number == EDQUOT
				  ? "make room"
				  : "name a folder that can be written, or "
				    "make it so");
}

static int make_folder(const char *path, struct config_fault *fault)
{
	int fd, r;

	r = make_path(path);
	if (r < 0)
		return cannot(fault, path, "made", -r);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return fault_text(fault, path, "is not a folder, or a symlink",
				  "name the folder itself");
	if (fd < 0)
		return cannot(fault, path, "used", errno);
	r = check_folder(fd, path, fault);
	close(fd);
	return r;
}

int config_directories(const struct config *config,
		       struct config_fault *ret_fault)
{
	static const char *const inner[] = {"results", "output"};
	char path[CONFIG_PATH_BYTES + 16];
	int r;

	r = make_folder(config->state_dir, ret_fault);
	for (size_t i = 0; !r && i < ARRAY_COUNT(inner); i++) {
		snprintf(path, sizeof(path), "%s/%s", config->state_dir,
			 inner[i]);
		if (strlen(path) >= CONFIG_PATH_BYTES)
			return fault_text(ret_fault, config->state_dir,
					  "is too long a path", "");
		r = make_folder(path, ret_fault);
	}
	return r ? r : make_folder(config->runtime_dir, ret_fault);
}
