/* Makes one system call on files below a folder fail: preloaded by tests/faults/failing.py.
 *
 * arm(n, error, forever, root): the n-th call from now on fails with `error`, and all later ones if `forever`.
 * counted(): how many calls there were since. Only calls that change files count; reading is left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static long target;
static int error_number, all_later;
static char root[PATH_MAX];
static size_t root_length;

void arm(long n, int error, int forever, const char *folder) {
    strncpy(root, folder, sizeof root - 1);
    root_length = strlen(root);
    error_number = error;
    all_later = forever;
    target = n;
    atomic_store(&calls, 0);
}

long counted(void) { return atomic_load(&calls); }

static int below(const char *path) {
    return root_length && path && strncmp(path, root, root_length) == 0;
}

static int fails(void) {
    long now = atomic_fetch_add(&calls, 1) + 1;
    if (target && (now == target || (all_later && now > target))) {
        errno = error_number;
        return 1;
    }
    return 0;
}

static int path_fails(const char *path) { return below(path) && fails(); }

static int handle_fails(int handle) {
    char link[64], path[PATH_MAX];
    if (!root_length) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path) && fails();
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define OPENS(flags) (((flags) & (O_CREAT | O_WRONLY | O_RDWR)) != 0)
#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, #name, const char *, int, ...); MODE(flags) \
        return OPENS(flags) && path_fails(path) ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(int, #name, int, const char *, int, ...); MODE(flags) \
        return OPENS(flags) && path_fails(path) ? -1 : real(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)
ssize_t write(int handle, const void *data, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    return handle > 2 && handle_fails(handle) ? -1 : real(handle, data, length);
}
#define PWRITE(name, offset) \
    ssize_t name(int handle, const void *data, size_t length, offset at) { \
        REAL(ssize_t, #name, int, const void *, size_t, offset); \
        return handle_fails(handle) ? -1 : real(handle, data, length, at); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
ssize_t writev(int handle, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    return handle > 2 && handle_fails(handle) ? -1 : real(handle, parts, count);
}
#define ON_HANDLE(name) \
    int name(int handle) { \
        REAL(int, #name, int); \
        return handle_fails(handle) ? -1 : real(handle); \
    }
ON_HANDLE(fsync)
ON_HANDLE(fdatasync)
#define TRUNCATE(name, offset) \
    int name(int handle, offset length) { \
        REAL(int, #name, int, offset); \
        return handle_fails(handle) ? -1 : real(handle, length); \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)
#define TWO_PATHS(name) \
    int name(const char *from, const char *to) { \
        REAL(int, #name, const char *, const char *); \
        return path_fails(to) ? -1 : real(from, to); \
    }
TWO_PATHS(rename)
TWO_PATHS(link)
int renameat(int a, const char *from, int b, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    return path_fails(to) ? -1 : real(a, from, b, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    return path_fails(to) ? -1 : real(a, from, b, to, flags);
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    return path_fails(to) ? -1 : real(a, from, b, to, flags);
}
int mkdir(const char *path, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    return path_fails(path) ? -1 : real(path, mode);
}
int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    return path_fails(path) ? -1 : real(folder, path, mode);
}
