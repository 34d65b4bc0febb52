"""A GPU's driver in the main memory: what cuda-bindings loads as libcuda.so.1 and libnvrtc.so, for one kernel.

The libraries are C++ compiled here. Memory of the "GPU" is main memory, a launch of `crop_squares` runs its own source
on the processor. So the sources that use cuda-bindings run as they are, with the real bindings: names, order and types
of arguments are those that a driver gets. What a GPU does with them is not tested by this.
"""

import shutil
import subprocess
from pathlib import Path

from host_crops import host_source

_DRIVER = r"""
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
typedef int CUresult;
typedef uintptr_t CUdeviceptr;
static int live = 0, sleeping = 0;
extern "C" {
CUresult cuInit(unsigned) { return 0; }
CUresult cuDriverGetVersion(int *version) { *version = 13000; return 0; }
CUresult cuDeviceGetCount(int *count) { *count = 1; return 0; }
CUresult cuDeviceGet(int *device, int) { *device = 0; return 0; }
CUresult cuDeviceGetName(char *name, int length, int) { snprintf(name, length, "a GPU in the main memory"); return 0; }
CUresult cuDeviceTotalMem(size_t *bytes, int) { *bytes = 1ull << 30; return 0; }
CUresult cuDeviceGetAttribute(int *value, int attribute, int) { *value = attribute == 75 ? 9 : 0; return 0; }
CUresult cuDevicePrimaryCtxRetain(void **context, int) { *context = (void *)0x10; ++live; return 0; }
CUresult cuDevicePrimaryCtxRelease(int) { --live; return 0; }
CUresult cuDevicePrimaryCtxSetFlags(int, unsigned flags) { sleeping = flags == 4; return 0; }
CUresult cuCtxSetCurrent(void *) { return 0; }
CUresult cuStreamCreate(void **stream, unsigned) { *stream = (void *)0x20; ++live; return 0; }
CUresult cuStreamDestroy(void *) { --live; return 0; }
CUresult cuEventCreate(void **event, unsigned) { *event = (void *)0x30; ++live; return 0; }
CUresult cuEventDestroy(void *) { --live; return 0; }
CUresult cuEventRecord(void *, void *) { return 0; }
CUresult cuEventSynchronize(void *) { return 0; }
CUresult cuMemAlloc(CUdeviceptr *address, size_t size) { *address = (CUdeviceptr)malloc(size); ++live; return 0; }
CUresult cuMemFree(CUdeviceptr address) { free((void *)address); --live; return 0; }
CUresult cuMemAllocHost(void **address, size_t size) { *address = malloc(size); ++live; return 0; }
CUresult cuMemFreeHost(void *address) { free(address); --live; return 0; }
CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t size, void *) {
    memcpy((void *)to, from, size); return 0;
}
CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t size, void *) {
    memcpy(to, (void *)from, size); return 0;
}
CUresult cuModuleLoadData(void **module, const void *image) {
    if (memcmp(image, "machine code for --gpu-architecture=sm_90", 41)) return 209;  // no binary for this GPU
    *module = (void *)0x40; return 0;
}
CUresult cuModuleUnload(void *) { return 0; }
CUresult cuModuleGetFunction(void **function, void *, const char *name) {
    *function = (void *)0x50; return strcmp(name, "crop_squares") ? 500 : 0;
}
CUresult cuLaunchKernel(void *, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned,
                        void *stream, void **arguments, void **) {
    if (stream != (void *)0x20) return 400;  // an invalid handle
    blockDim = Dim{(int)bx, (int)by, (int)bz};
    for (unsigned z = 0; z < gz; ++z) for (unsigned y = 0; y < gy * by; ++y) for (unsigned x = 0; x < gx * bx; ++x) {
        blockIdx = Dim{(int)(x / bx), (int)(y / by), (int)z};
        threadIdx = Dim{(int)(x % bx), (int)(y % by), 0};
        crop_squares(*(const unsigned char *const **)arguments[0], *(const int **)arguments[1],
                     *(const CropPlan **)arguments[2], *(unsigned char **)arguments[3], *(int *)arguments[4]);
    }
    return 0;
}
int fake_live() { return live; }
int fake_is_sleeping() { return sleeping; }
CUresult cuGetProcAddress_v2(const char *name, void **address, int, uint64_t, int *status) {
    static void *own = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_NOLOAD);
    *address = dlsym(own, strcmp(name, "cuGetProcAddress") ? name : "cuGetProcAddress_v2");
    if (status) *status = *address ? 0 : 1;
    return *address ? 0 : 500;
}
}
"""
_COMPILER = r"""
#include <cstdio>
#include <cstring>
static char code[64];
extern "C" {
int nvrtcCreateProgram(void **program, const char *, const char *, int, const char *const *, const char *const *) {
    *program = (void *)0x60; return 0;
}
int nvrtcCompileProgram(void *, int count, const char *const *options) {
    snprintf(code, sizeof code, "machine code for %s", count ? options[count - 1] : "nothing");
    return 0;
}
int nvrtcGetCUBINSize(void *, size_t *size) { *size = strlen(code); return 0; }
int nvrtcGetCUBIN(void *, char *out) { memcpy(out, code, strlen(code)); return 0; }
int nvrtcDestroyProgram(void **program) { *program = nullptr; return 0; }
}
"""


def compile_libraries(directory: Path) -> bool:
    """Put both libraries into a folder, for LD_LIBRARY_PATH; False where there is no compiler."""
    compiler = shutil.which("g++")
    if compiler is None:
        return False
    for name, source in (("libcuda.so.1", host_source() + _DRIVER), ("libnvrtc.so.13", _COMPILER)):
        (directory / "source.cpp").write_text(source)
        flags = ["-std=c++14", "-O2", "-ffp-contract=off", "-shared", "-fPIC", f"-Wl,-soname,{name}"]
        subprocess.run([compiler, *flags, "-o", directory / name, directory / "source.cpp", "-ldl"], check=True)
    return True
