#include "base/time.hpp"

#include <algorithm>
#include <string_view>

namespace starling::base {
namespace {

constexpr WallMs year_0000 = -62'167'219'200'000;
constexpr WallMs end_of_9999 = 253'402'300'799'999;

void put_digits(char* at, unsigned value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

std::chrono::sys_time<std::chrono::milliseconds> point_of(WallMs time) {
  return std::chrono::sys_time<std::chrono::milliseconds>{
      std::chrono::milliseconds{std::clamp(time, year_0000, end_of_9999)}};
}

}  // namespace

void append_iso8601(std::string& out, WallMs time) {
  const auto point = point_of(time);
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{day};
  const auto of_day = static_cast<unsigned>((point - day).count());

  char text[] = "0000-00-00T00:00:00.000Z";
  put_digits(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(text + 5, static_cast<unsigned>(date.month()), 2);
  put_digits(text + 8, static_cast<unsigned>(date.day()), 2);
  put_digits(text + 11, of_day / 3'600'000, 2);
  put_digits(text + 14, of_day / 60'000 % 60, 2);
  put_digits(text + 17, of_day / 1'000 % 60, 2);
  put_digits(text + 20, of_day % 1'000, 3);
  out.append(std::string_view{text, 24});
}

void append_http_date(std::string& out, WallMs time) {
  constexpr std::string_view weekdays = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto point = point_of(time);
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const std::chrono::year_month_day date{day};
  const auto of_day = static_cast<unsigned>((point - day).count());

  char text[] = "Xxx, 00 Xxx 0000 00:00:00 GMT";
  weekdays.copy(text, 3, std::chrono::weekday{day}.c_encoding() * std::size_t{3});
  put_digits(text + 5, static_cast<unsigned>(date.day()), 2);
  months.copy(text + 8, 3, (static_cast<unsigned>(date.month()) - 1) * std::size_t{3});
  put_digits(text + 12, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(text + 17, of_day / 3'600'000, 2);
  put_digits(text + 20, of_day / 60'000 % 60, 2);
  put_digits(text + 23, of_day / 1'000 % 60, 2);
  out.append(std::string_view{text, 29});
}

}  // namespace starling::base
