"""What a forked process must not share with its parent."""
import os
import weakref

_told = weakref.WeakSet()


def tell(it):
    """it.in_child() is called in each process forked from this one, where
    nobody else runs yet; locks may be those of threads that are not there."""
    _told.add(it)


def _in_child():
    for it in list(_told):
        it.in_child()


os.register_at_fork(after_in_child=_in_child)
