#pragma once
// A process that answers on its standard output what it is told on its standard input.

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace moesim::bench {

class WorkerProcess {
 public:
  // Throws Error when it cannot be started. It must read and answer within `patience_ms` each time.
  explicit WorkerProcess(std::vector<std::string> command, int patience_ms = 600'000);
  // Closes its input and waits for its end.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // Throw Error when the process has ended or reads nothing for so long.
  void send(const nlohmann::json& command) { send_bytes(command.dump() + "\n"); }
  template <class T>
  void send_numbers(std::span<const T> numbers) {
    send_bytes({reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()});
  }
  // One line. Throws Error when the process has ended, says nothing for so long, or says "error".
  nlohmann::json receive();
  void receive_numbers(std::span<float> to);

 private:
  void send_bytes(std::string_view bytes);
  std::size_t receive_some(char* to, std::size_t most);

  int patience_ms_;
  int process_ = -1;
  int to_ = -1;
  int from_ = -1;
};

}  // namespace moesim::bench
