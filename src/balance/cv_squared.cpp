#include "balance/cv_squared.h"

#include <numeric>

#include "core/error.h"

namespace moesim {
namespace {

double degrees_of_freedom(double count, CvForm form) {
  switch (form) {
    case CvForm::population:
      return count;
    case CvForm::unbiased:
      return count - 1;
  }
  throw_internal(__FILE__, __LINE__, "an unknown form of CV");
}

}  // namespace

CvSquared cv_squared(std::span<const double> numbers, CvForm form) {
  CvSquared out;
  out.gradient.resize(numbers.size());
  const auto count = static_cast<double>(numbers.size());
  const double mean = numbers.empty() ? 0 : std::accumulate(numbers.begin(), numbers.end(), 0.0) / count;
  if (numbers.size() < 2 || mean == 0) {
    return out;
  }
  const double degrees = degrees_of_freedom(count, form);
  for (const double number : numbers) {
    const double deviation = (number - mean) / mean;
    out.value += deviation * deviation / degrees;
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    out.gradient[i] = 2 / mean * ((numbers[i] - mean) / (mean * degrees) - out.value / count);
  }
  return out;
}

}  // namespace moesim
