/* Stands between a program and its disk (LD_PRELOAD), for the fault tests.
 *
 * Journals what the program does to the files of one folder, and what it says over sockets and
 * pipes, in one order: a power cut can then be played at any moment of it (powercut.py). Makes
 * calls on those files fail, tear or dawdle on demand, and moves the wall clock; interposer.py
 * holds the other end of the control block and documents its fields.
 *
 * Environment: INTERPOSER_FOLDER (absolute), INTERPOSER_CONTROL, and INTERPOSER_JOURNAL or none.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { OPENED = 1, CLOSED, WRITTEN, TRUNCATED, SYNCED, RENAMED, UNLINKED, SENT, MADE_FOLDER, UNSYNCED };
enum { WRITE = 1, SYNC = 2, TRUNCATE = 4, CREATE = 8, RENAME = 16, UNLINK = 32 };

/* Descriptors that are followed; a daemon has far fewer. */
#define DESCRIPTORS_MAX 65536

/* Where the journal's own descriptor goes, out of the program's way. */
#define JOURNAL_DESCRIPTOR 500

struct record {
    uint32_t kind;
    int32_t descriptor;
    uint64_t offset; /* of a write; the new length of a truncation; 1 for an opening that made it */
    uint64_t length; /* of the bytes that follow */
} __attribute__((packed));

struct control {
    int64_t operations; /* which calls fail: a sum of WRITE .. UNLINK; 0 for none */
    int64_t error;      /* errno they fail with */
    int64_t passing;    /* matching calls that still pass */
    int64_t failing;    /* how many then fail; -1 for all */
    int64_t torn;       /* 1: a failing write leaves its first half */
    int64_t delay_us;   /* every sync takes so much longer */
    int64_t shift_ns;   /* added to the wall clock */
    int64_t stuck_ns;   /* the wall clock stands here, unless 0 */
    int64_t seen;       /* calls that matched so far */
    int64_t failed;     /* calls that failed so far */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t followed[DESCRIPTORS_MAX];
static char folder[PATH_MAX];
static size_t folder_length;
static int journal = -1;
static struct control nothing, *control = &nothing;

/* The library's own function of that name, looked up once. */
#define REAL(name)                                         \
    (__extension__({                                       \
        static __typeof__(&name) found;                    \
        if (!found) found = dlsym(RTLD_NEXT, #name);       \
        found;                                             \
    }))

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("INTERPOSER_FOLDER"), *path = getenv("INTERPOSER_CONTROL");
    if (!where || strlen(where) >= sizeof folder) return;
    strcpy(folder, where);
    folder_length = strlen(folder);
    int block = path ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
    if (block >= 0) {
        void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, block, 0);
        if (shared != MAP_FAILED) control = shared;
        REAL(close)(block);
    }
    path = getenv("INTERPOSER_JOURNAL");
    int opened = path ? REAL(open)(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (opened >= 0) {
        journal = fcntl(opened, F_DUPFD_CLOEXEC, JOURNAL_DESCRIPTOR);
        REAL(close)(opened);
    }
    /* Programs started by this one are not followed. */
    unsetenv("LD_PRELOAD");
}

static __thread sigset_t before_lock;

/* No signal meanwhile: a handler that writes to its wake-up pipe would wait for its own thread. */
static void hold(void) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_lock);
    pthread_mutex_lock(&lock);
}

static void release(void) {
    int error = errno;
    pthread_mutex_unlock(&lock);
    pthread_sigmask(SIG_SETMASK, &before_lock, NULL);
    errno = error;
}

static void put(const void *bytes, size_t length) {
    const char *next = bytes;
    while (length) {
        ssize_t done = REAL(write)(journal, next, length);
        if (done <= 0) abort(); /* a journal with a hole would prove nothing */
        next += done;
        length -= (size_t)done;
    }
}

static void note(uint32_t kind, int descriptor, uint64_t offset, const void *bytes, size_t length) {
    if (journal < 0) return;
    int before = errno;
    struct record record = {kind, descriptor, offset, length};
    put(&record, sizeof record);
    put(bytes, length);
    errno = before;
}

/* The path with its folder in front; 0 unless it lies in the folder that is followed. */
static int inside(const char *path, char *whole) {
    if (!folder_length || !path) return 0;
    if (path[0] == '/') {
        if (strlen(path) >= PATH_MAX) return 0;
        strcpy(whole, path);
    } else {
        if (!getcwd(whole, PATH_MAX) || strlen(whole) + strlen(path) + 2 > PATH_MAX) return 0;
        strcat(strcat(whole, "/"), path);
    }
    if (strncmp(whole, folder, folder_length)) return 0;
    return whole[folder_length] == '/' || whole[folder_length] == 0;
}

static int follows(int descriptor) {
    return descriptor >= 0 && descriptor < DESCRIPTORS_MAX && followed[descriptor];
}

/* Whether this call is to fail; counts it. */
static int fails(int64_t operation) {
    if (!(control->operations & operation)) return 0;
    control->seen++;
    if (control->passing > 0) {
        control->passing--;
        return 0;
    }
    if (!control->failing) return 0;
    if (control->failing > 0) control->failing--;
    control->failed++;
    errno = (int)control->error;
    return 1;
}

/* ── files ─────────────────────────────────────────────────────────────────────────────────────── */

static int open_file(int at, const char *path, int flags, mode_t mode) {
    char whole[PATH_MAX];
    if ((at != AT_FDCWD && path && path[0] != '/') || !inside(path, whole))
        return REAL(openat)(at, path, flags, mode);
    hold();
    struct stat status;
    int makes = (flags & O_CREAT) && stat(whole, &status);
    int opened = makes && fails(CREATE) ? -1 : REAL(openat)(at, path, flags, mode);
    if (opened >= 0 && opened < DESCRIPTORS_MAX) {
        followed[opened] = 1;
        note(OPENED, opened, (uint64_t)makes, whole, strlen(whole));
        if ((flags & O_TRUNC) && !makes) note(TRUNCATED, opened, 0, "", 0);
    }
    release();
    return opened;
}

#define OPENS(...)                                     \
    {                                                  \
        mode_t mode = 0;                               \
        if (flags & (O_CREAT | __O_TMPFILE)) {         \
            va_list more;                              \
            va_start(more, flags);                     \
            mode = va_arg(more, mode_t);               \
            va_end(more);                              \
        }                                              \
        return open_file(__VA_ARGS__, flags, mode);    \
    }

int open(const char *path, int flags, ...) OPENS(AT_FDCWD, path)
int open64(const char *path, int flags, ...) OPENS(AT_FDCWD, path)
int openat(int at, const char *path, int flags, ...) OPENS(at, path)

int close(int descriptor) {
    if (!follows(descriptor)) return REAL(close)(descriptor);
    hold();
    followed[descriptor] = 0;
    note(CLOSED, descriptor, 0, "", 0);
    int result = REAL(close)(descriptor);
    release();
    return result;
}

static ssize_t write_file(int descriptor, const void *bytes, size_t length, off_t offset) {
    hold();
    int moves = offset < 0;
    struct stat status;
    if (moves) {
        offset = fcntl(descriptor, F_GETFL) & O_APPEND && !fstat(descriptor, &status)
                     ? status.st_size
                     : lseek(descriptor, 0, SEEK_CUR);
    }
    ssize_t done;
    if (fails(WRITE)) {
        int error = errno;
        done = control->torn ? REAL(pwrite)(descriptor, bytes, length / 2, offset) : 0;
        if (done > 0) note(WRITTEN, descriptor, (uint64_t)offset, bytes, (size_t)done);
        errno = error;
        done = -1;
    } else {
        done = moves ? REAL(write)(descriptor, bytes, length)
                     : REAL(pwrite)(descriptor, bytes, length, offset);
        if (done > 0) note(WRITTEN, descriptor, (uint64_t)offset, bytes, (size_t)done);
    }
    release();
    return done;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset) {
    if (follows(descriptor)) return write_file(descriptor, bytes, length, offset);
    return REAL(pwrite)(descriptor, bytes, length, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
    return pwrite(descriptor, bytes, length, (off_t)offset);
}

/* Told before it can be heard: from here on the words count as said. */
static int speaks(int descriptor) {
    struct stat status;
    if (journal < 0 || fstat(descriptor, &status)) return 0;
    return S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode);
}

static void say(int descriptor, const struct iovec *parts, int count, ssize_t done) {
    for (int i = 0; i < count && done > 0; i++) {
        size_t length = parts[i].iov_len < (size_t)done ? parts[i].iov_len : (size_t)done;
        note(SENT, descriptor, 0, parts[i].iov_base, length);
        done -= (ssize_t)length;
    }
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    if (follows(descriptor)) return write_file(descriptor, bytes, length, -1);
    if (!speaks(descriptor)) return REAL(write)(descriptor, bytes, length);
    hold();
    struct iovec part = {(void *)bytes, length};
    ssize_t done = REAL(write)(descriptor, bytes, length);
    say(descriptor, &part, 1, done);
    release();
    return done;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    if (follows(descriptor)) {
        ssize_t all = 0;
        for (int i = 0; i < count; i++) {
            ssize_t done = write_file(descriptor, parts[i].iov_base, parts[i].iov_len, -1);
            if (done < 0) return all ? all : done;
            all += done;
        }
        return all;
    }
    if (!speaks(descriptor)) return REAL(writev)(descriptor, parts, count);
    hold();
    ssize_t done = REAL(writev)(descriptor, parts, count);
    say(descriptor, parts, count, done);
    release();
    return done;
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    if (!speaks(descriptor)) return REAL(sendmsg)(descriptor, message, flags);
    hold();
    ssize_t done = REAL(sendmsg)(descriptor, message, flags);
    say(descriptor, message->msg_iov, (int)message->msg_iovlen, done);
    release();
    return done;
}

ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
    if (!speaks(descriptor)) return REAL(send)(descriptor, bytes, length, flags);
    hold();
    struct iovec part = {(void *)bytes, length};
    ssize_t done = REAL(send)(descriptor, bytes, length, flags);
    say(descriptor, &part, 1, done);
    release();
    return done;
}

int ftruncate(int descriptor, off_t length) {
    if (!follows(descriptor)) return REAL(ftruncate)(descriptor, length);
    hold();
    int result = fails(TRUNCATE) ? -1 : REAL(ftruncate)(descriptor, length);
    if (!result) note(TRUNCATED, descriptor, (uint64_t)length, "", 0);
    release();
    return result;
}

int ftruncate64(int descriptor, off64_t length) { return ftruncate(descriptor, (off_t)length); }

static int sync_file(int descriptor, int (*sync)(int)) {
    if (!follows(descriptor)) return sync(descriptor);
    if (control->delay_us > 0) usleep((useconds_t)control->delay_us);
    hold();
    int result = fails(SYNC) ? -1 : sync(descriptor);
    note(result ? UNSYNCED : SYNCED, descriptor, 0, "", 0);
    release();
    return result;
}

int fsync(int descriptor) { return sync_file(descriptor, REAL(fsync)); }
int fdatasync(int descriptor) { return sync_file(descriptor, REAL(fdatasync)); }

/* ── names ─────────────────────────────────────────────────────────────────────────────────────── */

int rename(const char *from, const char *to) {
    char whole[2 * PATH_MAX + 2], target[PATH_MAX];
    if (!inside(from, whole) || !inside(to, target)) return REAL(rename)(from, to);
    hold();
    int result = fails(RENAME) ? -1 : REAL(rename)(from, to);
    if (!result) {
        size_t length = strlen(whole);
        strcpy(whole + length + 1, target);
        note(RENAMED, -1, 0, whole, length + 1 + strlen(target));
    }
    release();
    return result;
}

int unlink(const char *path) {
    char whole[PATH_MAX];
    if (!inside(path, whole)) return REAL(unlink)(path);
    hold();
    int result = fails(UNLINK) ? -1 : REAL(unlink)(path);
    if (!result) note(UNLINKED, -1, 0, whole, strlen(whole));
    release();
    return result;
}

int mkdir(const char *path, mode_t mode) {
    char whole[PATH_MAX];
    if (!inside(path, whole)) return REAL(mkdir)(path, mode);
    hold();
    int result = REAL(mkdir)(path, mode);
    if (!result) note(MADE_FOLDER, -1, 0, whole, strlen(whole));
    release();
    return result;
}

/* ── the wall clock ────────────────────────────────────────────────────────────────────────────── */

static int64_t moved(int64_t now_ns) {
    return control->stuck_ns ? control->stuck_ns : now_ns + control->shift_ns;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = REAL(clock_gettime)(clock, time);
    if (clock == CLOCK_REALTIME && !result) {
        int64_t now_ns = moved(time->tv_sec * 1000000000LL + time->tv_nsec);
        time->tv_sec = now_ns / 1000000000LL;
        time->tv_nsec = now_ns % 1000000000LL;
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    int result = REAL(gettimeofday)(time, zone);
    if (!result) {
        int64_t now_ns = moved(time->tv_sec * 1000000000LL + time->tv_usec * 1000LL);
        time->tv_sec = now_ns / 1000000000LL;
        time->tv_usec = now_ns % 1000000000LL / 1000;
    }
    return result;
}
