#include "ingress_drop.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace tsswitch {
namespace {

// Newer than the headers of some distributions (Linux 6.6).
constexpr uint32_t kTcxIngress = 46;
constexpr int32_t kTcxDrop = 2;

int Bpf(int command, const void* attributes, unsigned size) {
  const long result = syscall(SYS_bpf, command, attributes, size);
  return result < 0 ? -errno : static_cast<int>(result);
}

int LoadDropProgram() {
  bpf_insn program[2]{};
  program[0].code = BPF_ALU64 | BPF_MOV | BPF_K;  // r0 = TCX_DROP
  program[0].imm = kTcxDrop;
  program[1].code = BPF_JMP | BPF_EXIT;
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  load.expected_attach_type = kTcxIngress;
  load.insns = reinterpret_cast<uint64_t>(program);
  load.insn_cnt = 2;
  load.license = reinterpret_cast<uint64_t>("Apache-2.0");
  return Bpf(BPF_PROG_LOAD, &load, sizeof load);
}

}  // namespace

int AttachIngressDrop(int ifindex) {
  const int program = LoadDropProgram();
  if (program < 0) return program;
  bpf_attr create{};
  create.link_create.prog_fd = program;
  create.link_create.target_ifindex = ifindex;
  create.link_create.attach_type = kTcxIngress;
  const int link = Bpf(BPF_LINK_CREATE, &create, sizeof create);
  close(program);  // the link holds it
  return link;
}

}  // namespace tsswitch
