// Which compiled variant of the kernels (*.isa.cpp) this process runs. Results are the same bits on all of
// them; only the speed differs.
#pragma once
#include <string>

namespace gaussitu {

enum class InstructionSet { scalar, avx2, avx512 };

/// The best one this processor has, unless GAUSSITU_ISA (environment: scalar, avx2, avx512) or
/// set_instruction_set() asks for less.
InstructionSet instruction_set();

/// "scalar", "avx2" or "avx512"; throws invalid_argument for another name or one the processor lacks. Not to
/// be called while kernels run.
void set_instruction_set(const std::string& name);
const char* instruction_set_name();

/// Whether the processor (and this build) can run it.
bool supports(InstructionSet set);

}  // namespace gaussitu

// Calls the variant of a kernel that is chosen now: GAUSSITU_DISPATCH(evaluate_tile)(arguments...).
#if defined(__x86_64__)
#define GAUSSITU_DISPATCH(kernel)                                                   \
  (gaussitu::instruction_set() == gaussitu::InstructionSet::avx512 ? avx512::kernel \
   : gaussitu::instruction_set() == gaussitu::InstructionSet::avx2 ? avx2::kernel   \
                                                                   : scalar::kernel)
#else
#define GAUSSITU_DISPATCH(kernel) (scalar::kernel)
#endif
