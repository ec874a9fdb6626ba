/*
 * The cheapest program there is: no loader, no C library. Starting any program
 * of glibc, static ones too, asks the processor what it is (CPUID), and in a
 * virtual machine each such question goes to the host: half a millisecond that
 * says nothing of who started the program.
 */

#include <sys/syscall.h>

_Noreturn void _start(void);

void _start(void)
{
	for (;;) {
#if defined(__x86_64__)
		__asm__ volatile("syscall"
				 :
				 : "a"(SYS_exit_group), "D"(0)
				 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
		register long number __asm__("x8") = SYS_exit_group;
		register long status __asm__("x0") = 0;

		__asm__ volatile("svc 0" : : "r"(number), "r"(status));
#else
#error "say here how a process ends on this machine"
#endif
	}
}
