/* The C limit: what one core can deliver when nothing is kept. One shared log, one send per client and turn.
 *
 * A single-threaded, edge-triggered epoll server that speaks our lines: every line is prefixed with `[address:port]> `
 * and sent to all clients but its sender. The log is a ring of bytes, mapped twice in a row so that every slice of it
 * is contiguous; a client is an offset into it. It has no limits, no journal and no manners: it is here to divide by.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { RING = 64 << 20, SLICE = 256 << 10, READ = 64 << 10, LINE = 4096, PARTS = 64, EVENTS = 512, LOOKS = 32, MOST_FDS = 1 << 20 };

/* What the client itself said, not to be sent to it: [start, end) in the log. */
typedef struct { uint64_t start, end; } Span;

typedef struct {
    int fd, is_blocked, label_size, rest_size, own_size, own_room, place;
    uint64_t cursor;
    Span *own;
    char *rest;
    char label[64];
} Client;

static char *ring;
static uint64_t end; /* bytes ever said */
static Client **clients;
static int count, loop;

static void check(int is_well, const char *what) {
    if (!is_well) { perror(what); exit(1); }
}

static void open_ring(void) {
    int fd = memfd_create("log", 0);
    check(fd >= 0 && !ftruncate(fd, RING), "memfd");
    ring = mmap(0, 2ul * RING, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int half = 0; half < 2; half++)
        check(mmap(ring + (size_t)half * RING, RING, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED, "mmap");
}

static void drop(Client *client) {
    close(client->fd);
    clients[client->place] = clients[--count];
    clients[client->place]->place = client->place;
    free(client->own);
    free(client->rest);
    free(client);
}

static void append(const char *bytes, int size) {
    memcpy(ring + end % RING, bytes, size);
    end += size;
}

static void say(Client *client, const char *line, int size) {
    uint64_t start = end;
    append(client->label, client->label_size);
    append(client->rest, client->rest_size);
    append(line, size);
    client->rest_size = 0;
    if (client->own_size && client->own[client->own_size - 1].end == start) {
        client->own[client->own_size - 1].end = end;
        return;
    }
    if (client->own_size == client->own_room) {
        client->own_room = 2 * client->own_room + 4;
        client->own = realloc(client->own, client->own_room * sizeof *client->own);
    }
    client->own[client->own_size++] = (Span){start, end};
}

/* -> whether the client is still there */
static int hear(Client *client) {
    static char buffer[READ];
    for (;;) {
        ssize_t size = recv(client->fd, buffer, READ, MSG_DONTWAIT);
        if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
        char *line = buffer, *behind = buffer + size, *newline;
        for (; (newline = memchr(line, '\n', behind - line)); line = newline + 1) say(client, line, newline + 1 - line);
        if (behind - line + client->rest_size > LINE) return 0;
        if (line < behind) {
            if (!client->rest) client->rest = malloc(LINE);
            memcpy(client->rest + client->rest_size, line, behind - line);
            client->rest_size += behind - line;
        }
        if (size < READ) return 1;
    }
}

/* Move the cursor to where the kernel stopped, and forget what the client said before that. */
static void stand_at(Client *client, uint64_t at) {
    int past = 0;
    while (past < client->own_size && client->own[past].end <= at) past++;
    if (past) memmove(client->own, client->own + past, (client->own_size -= past) * sizeof *client->own);
    client->cursor = at;
}

/* Offer the kernel, once, what the client has not heard, its own lines left out. */
static void tell(Client *client) {
    if (end - client->cursor > RING - SLICE) stand_at(client, end); /* it fell off the log */
    struct iovec parts[PARTS];
    uint64_t starts[PARTS], at = client->cursor, stop = end - at > SLICE ? at + SLICE : end;
    int used = 0;
    for (int own = 0; used < PARTS && at < stop; own++) {
        Span span = own < client->own_size && client->own[own].start < stop ? client->own[own] : (Span){stop, stop};
        if (span.start > at) {
            starts[used] = at;
            parts[used++] = (struct iovec){ring + at % RING, span.start - at};
        }
        at = span.end;
    }
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = used};
    ssize_t sent = used ? sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (sent < 0) sent = 0;
    for (int part = 0; part < used; sent -= parts[part++].iov_len)
        if (sent < (ssize_t)parts[part].iov_len) {
            client->is_blocked = 1;
            at = starts[part] + sent;
            break;
        }
    stand_at(client, at);
}

/* -> whether somebody could be told more at once */
static int tell_all(void) {
    int is_unfinished = 0;
    for (int i = 0; i < count; i++)
        if (!clients[i]->is_blocked && clients[i]->cursor < end) {
            tell(clients[i]);
            is_unfinished |= !clients[i]->is_blocked && clients[i]->cursor < end;
        }
    return is_unfinished;
}

static void welcome(int listener) {
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    for (int fd; (fd = accept4(listener, (void *)&peer, &size, SOCK_NONBLOCK)) >= 0; size = sizeof peer) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        Client *client = clients[count] = calloc(1, sizeof *client);
        *client = (Client){.fd = fd, .cursor = end, .place = count++};
        client->label_size = sprintf(client->label, "[%s:%d]> ", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
        struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = client}};
        epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_anywhere(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    check(!bind(listener, (void *)&address, size) && !listen(listener, 4096), "listen");
    getsockname(listener, (void *)&address, &size);
    printf("Chat Server started on port: %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void obey(struct epoll_event *event, int listener) {
    Client *client = event->data.ptr;
    if (!client) { welcome(listener); return; }
    if (event->events & EPOLLOUT) client->is_blocked = 0;
    if (event->events & ~EPOLLOUT && !hear(client)) drop(client);
}

int main(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    open_ring();
    clients = calloc(MOST_FDS, sizeof *clients);
    loop = epoll_create1(0);
    int listener = listen_anywhere();
    struct epoll_event events[EVENTS], event = {EPOLLIN, {.ptr = 0}};
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (int is_unfinished = 0;; is_unfinished = tell_all()) {
        int timeout_ms = is_unfinished ? 0 : -1;
        for (int looks = 0; looks < LOOKS; looks++, timeout_ms = 0) { /* first hear all there is to hear */
            int happened = epoll_wait(loop, events, EVENTS, timeout_ms);
            if (happened <= 0) break;
            for (int i = 0; i < happened; i++) obey(&events[i], listener);
        }
    }
}
