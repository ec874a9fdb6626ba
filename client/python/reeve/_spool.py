"""Results that could not be delivered, in files that the daemon looks for."""
import os


class Spool:
    def __init__(self, folder):
        self.folder = folder
        self.tokens = set()

    def write(self, results):
        """Write what is not there yet; raises OSError.

        @results: bytes by token. When it returns they are on the disk,
        names too.
        """
        left = [token for token in results if token not in self.tokens]
        if not left:
            return
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for token in left:
                self._write_one(folder, str(token), results[token])
            os.fsync(folder)
        finally:
            os.close(folder)
        self.tokens.update(left)

    @staticmethod
    def _write_one(folder, name, data):
        temporary = '.%s.tmp' % name
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC |
                     os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(fd, view):]
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            try:
                os.unlink(temporary, dir_fd=folder)
            except OSError:
                pass
            raise

    def settled(self, tokens):
        for token in self.tokens.intersection(tokens):
            self.tokens.discard(token)
            try:
                os.unlink(os.path.join(self.folder, str(token)))
            except OSError:  # the daemon has taken it in already
                pass
