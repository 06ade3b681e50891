// starling-micro: the price of each step of a message, alone. For what they cost together see
// bench/load.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
