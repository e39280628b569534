// Moves the clock of a server that this is preloaded into by CLOCK_AHEAD seconds; elapsed time is untouched.
//
// libfaketime looks up the functions that it replaces, which an allocator that reads the clock as it starts, such as
// that of Redis, does not survive. System calls need no look-up.

#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t ahead(void) {
    const char *seconds = getenv("CLOCK_AHEAD");
    return seconds ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = syscall(SYS_gettimeofday, now, zone);
    if (result == 0) now->tv_sec += ahead();
    return result;
}

time_t time(time_t *now) {
    struct timespec moment;
    clock_gettime(CLOCK_REALTIME, &moment);
    if (now) *now = moment.tv_sec;
    return moment.tv_sec;
}

// Whoever waits until a moment of the moved clock would wait for the kernel's clock to get there. The clock that counts
// from the start of the machine, and says so by its small numbers, is untouched.
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    if (until->tv_sec < 1000000000) return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, until);
    struct timespec moment = *until;
    moment.tv_sec -= ahead();
    return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &moment);
}
