/* A thread with a queue of its own: the engine, or one worker of an instance
 * (src/flb_output_thread.c). */
#include "host.h"

struct job {
    struct job *next;
    struct frame *frame;
    struct instance *ins;
};

static void *run_thread(void *argument)
{
    struct thread *t = argument;
    ours = 1;
    for (;;) {
        pthread_mutex_lock(&t->lock);
        while (!t->first && !t->stop) pthread_cond_wait(&t->more, &t->lock);
        struct job *job = t->first;
        if (job && !(t->first = job->next)) t->last = &t->first;
        pthread_mutex_unlock(&t->lock);
        if (!job) return NULL;
        if (job->frame->op == 'F') run_flush(job->frame, job->ins);
        else if (job->frame->op == 'I') run_init(job->frame, job->ins);
        else run_exit(job->frame, job->ins);
        free(job);
    }
}

void start_thread(struct thread *t)
{
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->more, NULL);
    t->last = &t->first;
    if (pthread_create(&t->tid, NULL, run_thread, t)) die("pthread_create");
}

void enqueue(struct thread *t, struct frame *f, struct instance *ins)
{
    struct job *job = new(sizeof *job);
    job->frame = f;
    job->ins = ins;
    pthread_mutex_lock(&t->lock);
    *t->last = job;
    t->last = &job->next;
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
}

/* Waits until the thread has run its whole queue. */
void join_thread(struct thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->stop = 1;
    pthread_cond_signal(&t->more);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->tid, NULL);
}
