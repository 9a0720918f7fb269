/* The one function of bcryptprimitives.dll that Rust programs call: random bytes.
   Windows has it since version 7, Wine only since version 9. Beside a program it
   lets older Wines start it. Never part of what is shipped. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID bytes, ULONG count);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count)
{
    while (count) {
        ULONG some = count > 0x1000000 ? 0x1000000 : (ULONG)count;
        if (!SystemFunction036(bytes, some))
            return FALSE;
        bytes += some;
        count -= some;
    }
    return TRUE;
}
