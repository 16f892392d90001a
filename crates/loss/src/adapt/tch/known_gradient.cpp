// A node of libtorch's autograd graph whose gradient is known before the backward pass.
//
// tch has no custom autograd function. The usual way out, back-propagating
// (logits * gradient).sum(), costs four more passes over the logits; this costs none.

#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

#include <cstring>
#include <exception>
#include <memory>

namespace {

struct KnownGradient : torch::autograd::Node {
  at::Tensor gradient;

  std::string name() const override { return "SteepnessLoss"; }

  torch::autograd::variable_list apply(torch::autograd::variable_list&& upstream) override {
    TORCH_CHECK(gradient.defined(),
                "backward a second time: pass keep_graph if that is what you want");
    TORCH_CHECK(!at::GradMode::is_enabled(), "this loss has no second derivative");
    const at::Tensor& factor = upstream[0];
    if (!factor.defined()) return {at::Tensor()};
    if (factor.dim() == 0) {
      // The usual case, backward() on the loss itself, hands over the gradient as it is.
      if (factor.is_cpu() && factor.item<double>() == 1.0) return {gradient};
      return {gradient * factor.to(gradient.scalar_type())};
    }
    // One factor a row, the class being dimension 1 or the last.
    const auto dimension = class_dimension;
    return {gradient * factor.to(gradient.scalar_type()).unsqueeze(dimension)};
  }

  void release_variables() override { gradient.reset(); }

  int64_t class_dimension = 1;
};

}  // namespace

// Gives `value`, as a new tensor, the gradient `gradient` with respect to `logits`. Returns null, or
// a message for the caller to free.
extern "C" char* steepness_known_gradient(const at::Tensor* logits, const at::Tensor* value,
                                          const at::Tensor* gradient, int64_t class_dimension,
                                          at::Tensor** result) {
  try {
    auto node = std::shared_ptr<KnownGradient>(new KnownGradient(), torch::autograd::deleteNode);
    node->set_next_edges(torch::autograd::collect_next_edges(*logits));
    node->gradient = *gradient;
    node->class_dimension = class_dimension;
    at::Tensor loss = value->detach();
    torch::autograd::set_history(loss, node);
    *result = new at::Tensor(std::move(loss));
    return nullptr;
  } catch (const std::exception& error) {
    return strdup(error.what());
  }
}

extern "C" int steepness_grad_enabled() { return at::GradMode::is_enabled() ? 1 : 0; }
