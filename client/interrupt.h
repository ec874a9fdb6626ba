#pragma once

/*
 * Interrupt: SIGINT, SIGTERM and SIGHUP as a flag, for the commands that have
 * something to cancel. The second signal ends the process as if it had never
 * been caught.
 */

#include <signal.h>

/** interrupt_catch() - from now on; the flag holds the signal's number */
volatile sig_atomic_t *interrupt_catch(void);

/** interrupt_taken() - the first signal is dealt with: reset the flag */
void interrupt_taken(void);

/** interrupt_allow() - so many signals before one ends the process; 1 without */
void interrupt_allow(int most);

/**
 * interrupt_end() - end as the latest signal would have ended us
 *
 * Return: 128 + its number, where that is not to be. */
int interrupt_end(void);

/** interrupt_count() - how many have come */
int interrupt_count(void);

/** interrupt_fd() - readable when a signal came, so that poll() ends */
int interrupt_fd(void);
