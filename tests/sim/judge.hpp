// Judge: hears of everything that happens in a run and of the first rule that was broken.
//
// The trace hash is made of what was heard, so two runs of a seed can be compared. There is one
// run at a time in a process, and one judge; the simulated ring, disk and wake-ups, which
// production code makes through functions without a context, find it by judge().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::sim {

class Judge {
 public:
  explicit Judge(bool verbose) : verbose_(verbose) {}

  void heard(std::string_view who, std::string_view what);
  // The first one ends the run.
  void broken(std::string_view rule, std::string details);

  bool failed() const { return !rule_.empty(); }
  const std::string& rule() const { return rule_; }
  const std::string& details() const { return details_; }
  std::uint64_t trace_hash() const { return hash_; }

 private:
  const bool verbose_;
  std::uint64_t hash_ = 14'695'981'039'346'656'037u;  // FNV-1a
  std::string rule_;
  std::string details_;
};

// Of the current run.
Judge& judge();
void set_judge(Judge* judge);

}  // namespace starling::sim
