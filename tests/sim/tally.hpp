// Tally: how often what happened, over all runs of all processes. A simulation in which nothing
// goes wrong finds nothing: whoever changes a plan sees here whether it still meets its bounds.
#pragma once

#include <cstddef>
#include <cstdint>

namespace starling::sim {

enum class Happened : std::uint8_t {
  connection,
  cut,
  kill,
  power_loss,
  drain,
  failed_start,
  failed_commit,
  failed_sync,
  acknowledgement,
  duplicate,
  certain_refusal,
  rest_answer,
  event_given,
  resume,
  gap_too_many,
  gap_slow_reader,
  close_slow_reader,
  close_try_later,
  hole_filled,
  doubt,
  new_epoch,
  batch_dropped,
  signal_dropped,
  call_refused,
  no_receive_buffer,
  parked_woken,
  ended_multishot,
  short_send,
  freeze,
  lock_wait,
  lock_timeout,
  deadlock,
  early_read,
  lost_commit_answer,
  body_lost,
  body_twice,
  body_late,
  bus_loss,
  last,
};

// In memory that is shared by the processes that are forked from here on.
void share_tally();
void count(Happened what, std::uint64_t times = 1);
void print_tally();

}  // namespace starling::sim
