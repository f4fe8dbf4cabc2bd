/* What the kernels share that move data about: vectors of V floats over channels, the type of a
 * work-item's index, and an epilogue that does nothing where the plan splices none. Included by
 * them before all else. */
#pragma OPENCL FP_CONTRACT OFF

#ifndef V /* vector length over channels: 1, 2, 4 (items), to 16 (rows) */
#define V 4
#endif
#ifndef INDEX /* of a work-item: uint, or ulong for large tensors */
#define INDEX uint
#endif
#ifndef EPILOGUE
#define EPILOGUE(v, at, k, T, LOAD) (v)
#define EPILOGUE_PARAMS
#endif

#if V == 1
typedef float floatv;
#define LOADV(p) (*(p))
#define STOREV(v, p) (*(p) = (v))
#else
#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)
typedef PASTE(float, V) floatv;
#define LOADV(p) PASTE(vload, V)(0, p)
#define STOREV(v, p) PASTE(vstore, V)(v, 0, p)
#endif
#define LOAD1(p) (*(p))
