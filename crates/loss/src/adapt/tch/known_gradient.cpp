// A node of libtorch's autograd graph whose gradients are known before the backward pass.
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
#include <vector>

namespace {

struct KnownGradient : torch::autograd::Node {
  // One for each input; undefined where none is wanted.
  std::vector<at::Tensor> gradients;
  // With one loss a row: where the classes of the only input are, dimension 1 or the last.
  int64_t class_dimension = 1;
  bool released = false;

  std::string name() const override { return "SteepnessLoss"; }

  torch::autograd::variable_list apply(torch::autograd::variable_list&& upstream) override {
    TORCH_CHECK(!released, "backward a second time: pass keep_graph if that is what you want");
    TORCH_CHECK(!at::GradMode::is_enabled(), "this loss has no second derivative");
    torch::autograd::variable_list result(gradients.size());
    const at::Tensor& factor = upstream[0];
    if (!factor.defined()) return result;
    // The usual case, backward() on the loss itself, hands over the gradients as they are.
    if (factor.dim() == 0 && factor.is_cpu() && factor.item<double>() == 1.0) return gradients;
    for (size_t at = 0; at < gradients.size(); ++at) {
      const at::Tensor& gradient = gradients[at];
      if (!gradient.defined()) continue;
      const at::Tensor scale = factor.to(gradient.scalar_type());
      result[at] = gradient * (factor.dim() == 0 ? scale : scale.unsqueeze(class_dimension));
    }
    return result;
  }

  void release_variables() override {
    gradients.clear();
    released = true;
  }
};

}  // namespace

// Gives `value`, as a new tensor, the gradient `gradients[i]`, if it is not null, with respect to
// `inputs[i]`. Returns null, or a message for the caller to free.
extern "C" char* steepness_known_gradient(const at::Tensor* const* inputs,
                                          const at::Tensor* const* gradients, size_t count,
                                          const at::Tensor* value, int64_t class_dimension,
                                          at::Tensor** result) {
  try {
    auto node = std::shared_ptr<KnownGradient>(new KnownGradient(), torch::autograd::deleteNode);
    torch::autograd::variable_list variables;
    for (size_t at = 0; at < count; ++at) {
      variables.push_back(*inputs[at]);
      node->gradients.push_back(gradients[at] ? *gradients[at] : at::Tensor());
    }
    node->set_next_edges(torch::autograd::collect_next_edges(variables));
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
