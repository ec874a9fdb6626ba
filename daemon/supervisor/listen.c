#include "daemon/supervisor/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FDS_START 3

static void address_of(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	require(strlen(path) < sizeof(ret->sun_path)); /* settings_load() */
	memcpy(ret->sun_path, path, strlen(path));
}

/* Does somebody answer there? A full backlog is an answer too. */
static bool is_served(const char *path)
{
	struct sockaddr_un address;
	int fd, r;

	address_of(path, &address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	r = r < 0 ? errno : 0;
	close(fd);
	return r == 0 || r == EAGAIN || r == EPROTOTYPE;
}

static int fault_path(struct config_fault *fault, const char *path, int number)
{
	snprintf(fault->message, sizeof(fault->message),
		 "cannot listen at %.300s: %s", path, strerror(number));
	return LISTEN_E_PATH;
}

/* Directly below the folder whose lock we hold. */
static bool is_locked(const char *path, const struct config *config)
{
	size_t n = strlen(config->runtime_dir);

	return strncmp(path, config->runtime_dir, n) == 0 && path[n] == '/' &&
	       !strchr(path + n + 1, '/');
}

/* Removes what is in the way, if it is a socket that nobody serves. */
static int clear_path(const char *path, const struct config *config,
		      struct config_fault *fault)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : fault_path(fault, path, errno);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(fault->message, sizeof(fault->message),
			 "%.300s is in the way and is not a socket: remove it "
			 "or give --socket",
			 path);
		return LISTEN_E_PATH;
	}
	if (!is_locked(path, config) && is_served(path)) {
		snprintf(fault->message, sizeof(fault->message),
			 "another daemon answers at %.300s: stop it, or give "
			 "--runtime-dir",
			 path);
		return LISTEN_E_TAKEN;
	}
	return unlink(path) < 0 && errno != ENOENT
		       ? fault_path(fault, path, errno)
		       : 0;
}

static int bind_path(struct listen_socket *ret, const char *path,
		     const struct config *config, struct config_fault *fault)
{
	struct sockaddr_un address;
	struct stat st;
	mode_t mask;
	int fd, r;

	r = clear_path(path, config, fault);
	if (r)
		return r;
	address_of(path, &address);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault_path(fault, path, errno);
	/* By umask, not chmod(): the path is never open to others. */
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	r = r < 0 ? errno : 0;
	umask(mask);
	if (!r && (lstat(path, &st) < 0 || listen(fd, LISTEN_BACKLOG) < 0))
		r = errno;
	if (r) {
		close(fd);
		return fault_path(fault, path, r);
	}
	*ret = (struct listen_socket){fd, st.st_dev, st.st_ino};
	return 0;
}

static bool is_listening_unix(int fd)
{
	int domain = 0, type = 0, accepts = 0;
	socklen_t n = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &n) < 0)
		return false;
	return domain == AF_UNIX && type == SOCK_STREAM && accepts;
}

/* The protocol of sd_listen_fds(3): descriptors from 3 on, if meant for us. */
static int take_passed(struct listen *listen, struct config_fault *fault)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	long count = 0;

	if (pid && fds && strtol(pid, NULL, 10) == getpid())
		count = strtol(fds, NULL, 10);
	if (count < 0 || count > LISTEN_CLIENTS_MAX) {
		snprintf(fault->message, sizeof(fault->message),
			 "LISTEN_FDS is %ld: at most %d sockets can be passed",
			 count, LISTEN_CLIENTS_MAX);
		return LISTEN_E_FORM;
	}
	for (long i = 0; i < count; i++) {
		int fd = LISTEN_FDS_START + (int)i;

		if (!is_listening_unix(fd)) {
			snprintf(fault->message, sizeof(fault->message),
				 "descriptor %d of LISTEN_FDS is not a "
				 "listening Unix stream socket",
				 fd);
			return LISTEN_E_FORM;
		}
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
		    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return -errno;
		listen->clients[listen->client_count++].fd = fd;
	}
	listen->passed = count > 0;
	return 0;
}

int listen_open(struct listen *ret, const struct config *config,
		struct config_fault *ret_fault)
{
	struct listen listen = {.workers.fd = -1};
	int r;

	r = take_passed(&listen, ret_fault);
	if (r < 0)
		snprintf(ret_fault->message, sizeof(ret_fault->message),
			 "cannot use LISTEN_FDS: %s", strerror(-r));
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!r && !listen.passed) {
		r = bind_path(&listen.clients[0], config->socket, config,
			      ret_fault);
		listen.client_count = !r;
	}
	if (!r)
		r = bind_path(&listen.workers, config->worker_socket, config,
			      ret_fault);
	if (r) {
		listen_close(&listen, config);
		return r;
	}
	*ret = listen;
	return 0;
}

/* Is the path still the socket that we bound? */
static bool is_ours(const struct listen_socket *socket, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == socket->device &&
	       st.st_ino == socket->inode;
}

static bool check_one(struct listen_socket *socket, const char *path,
		      const struct config *config)
{
	struct listen_socket fresh;
	struct config_fault fault;
	int r;

	if (socket->fd < 0 || socket->inode == 0 || is_ours(socket, path))
		return false;
	r = bind_path(&fresh, path, config, &fault);
	if (r) {
		log_warning("socket went away, retrying: %s", fault.message);
		return false;
	}
	log_warning("socket went away, bound anew path=%s", path);
	close(socket->fd);
	*socket = fresh;
	return true;
}

bool listen_check(struct listen *listen, const struct config *config)
{
	struct config_fault fault;
	bool changed = false;
	struct stat st;

	if (lstat(config->runtime_dir, &st) < 0 && errno == ENOENT &&
	    config_directories(config, &fault))
		log_warning("folder of the sockets went away, retrying: %s",
			    fault.message);
	if (!listen->passed)
		changed = check_one(&listen->clients[0], config->socket,
				    config);
	return check_one(&listen->workers, config->worker_socket, config) ||
	       changed;
}

static void close_one(struct listen_socket *socket, const char *path)
{
	if (socket->fd < 0)
		return;
	close(socket->fd);
	socket->fd = -1;
	if (path && socket->inode != 0 && is_ours(socket, path))
		unlink(path);
}

void listen_close(struct listen *listen, const struct config *config)
{
	for (size_t i = 0; i < listen->client_count; i++)
		close_one(&listen->clients[i],
			  listen->passed ? NULL : config->socket);
	listen->client_count = 0;
	close_one(&listen->workers, config->worker_socket);
}
