// A node of libtorch's autograd graph whose backward pass is a function of ours: see autograd.rs.
//
// tch has no custom autograd function. What is composed of libtorch's operations instead moves each
// node's features through memory once an edge, forward and backward.

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

namespace {

constexpr size_t kMessage = 512;

// Puts a new tensor, or null, into each of `gradients`; what goes wrong is said in `message`.
using Backward = bool (*)(void* operation, const at::Tensor* upstream, at::Tensor** gradients,
                          size_t inputs, char* message, size_t length);
using Release = void (*)(void* operation);

struct OwnOperation : torch::autograd::Node {
  void* operation = nullptr;
  Backward backward = nullptr;
  Release release = nullptr;
  size_t inputs = 0;

  ~OwnOperation() override { drop(); }

  std::string name() const override { return "SteepnessOperation"; }

  torch::autograd::variable_list apply(torch::autograd::variable_list&& upstream) override {
    TORCH_CHECK(operation, "backward a second time: pass keep_graph if that is what you want");
    TORCH_CHECK(!at::GradMode::is_enabled(), "this operation has no second derivative");
    torch::autograd::variable_list result(inputs);
    if (!upstream[0].defined()) return result;
    std::vector<at::Tensor*> gradients(inputs, nullptr);
    char message[kMessage] = {};
    const bool done =
        backward(operation, &upstream[0], gradients.data(), inputs, message, kMessage);
    for (size_t at = 0; at < inputs; ++at) {
      if (gradients[at]) result[at] = *gradients[at];
      delete gradients[at];
    }
    if (!done) throw std::runtime_error(message);
    return result;
  }

  void release_variables() override { drop(); }

  void drop() {
    if (operation) release(operation);
    operation = nullptr;
  }
};

}  // namespace

// Gives `value`, as a new tensor, the backward pass `backward` of an `operation` on `inputs`, and takes
// the operation, which is released where no gradient is asked for. Returns null, or a message for the
// caller to free.
extern "C" char* steepness_own_operation(const at::Tensor* value, const at::Tensor* const* inputs,
                                         size_t count, void* operation, Backward backward,
                                         Release release, at::Tensor** result) {
  auto node = std::shared_ptr<OwnOperation>(new OwnOperation(), torch::autograd::deleteNode);
  node->operation = operation;
  node->backward = backward;
  node->release = release;
  node->inputs = count;
  try {
    at::Tensor output = value->detach();
    torch::autograd::variable_list variables;
    bool wanted = false;
    for (size_t at = 0; at < count; ++at) {
      variables.push_back(*inputs[at]);
      wanted = wanted || inputs[at]->requires_grad();
    }
    if (wanted && at::GradMode::is_enabled()) {
      node->set_next_edges(torch::autograd::collect_next_edges(variables));
      torch::autograd::set_history(output, node);
    }
    *result = new at::Tensor(std::move(output));
    return nullptr;
  } catch (const std::exception& error) {
    return strdup(error.what());
  }
}
