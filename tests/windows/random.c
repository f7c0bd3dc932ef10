// bcryptprimitives.dll for wine before 9, which lacks it: the standard library of Rust takes its random numbers
// from there, so that no program of ours would start. Real Windows has its own and never sees this one.
#include <windows.h>

// The random numbers of the system (RtlGenRandom), which wine has.
BOOLEAN NTAPI SystemFunction036(PVOID room, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE room, SIZE_T length) {
    return SystemFunction036(room, (ULONG)length);
}
