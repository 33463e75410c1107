// All operations for one instruction set, and the table of them. The files of the operations are headers because the
// package compiles each .c by itself, and these must be compiled once for each set.
#include "Vector.h"

#include "Matmul.h"

#include "FeatureProduct.h"
#include "TensorProduct.h"
#include "LocalProduct.h"

#include "UnitNorm.h"
#include "RMSNorm.h"

#include "Augmentation.h"
#include "Pooling.h"

#include "Embedding.h"
#include "Gather.h"

#include "Softmax.h"
#include "Attention.h"

#include "VisionProjection.h"
#include "VisionAttention.h"

#include "MLP.h"

#include "CrossEntropy.h"
#include "Reconstruction.h"

#include "Adam.h"
#include "Reduction.h"

const vlm_kernels VLM_TABLE = {
    .augmentation_forward = augmentation_forward,
    .pooling_forward = pooling_forward,
    .pooling_numbers_forward = pooling_numbers_forward,
    .matmul_forward = matmul_forward,
    .matmul_backward_input = matmul_backward_input,
    .matmul_backward_weight = matmul_backward_weight,
    .matmul_backward_weight_rows = matmul_backward_weight_rows,
    .feature_product_forward = feature_product_forward,
    .feature_product_backward = feature_product_backward,
    .tensor_product_forward = tensor_product_forward,
    .tensor_product_backward = tensor_product_backward,
    .local_product_forward = local_product_forward,
    .local_product_backward = local_product_backward,
    .unit_norm_forward = unit_norm_forward,
    .unit_norm_backward = unit_norm_backward,
    .rms_norm_forward = rms_norm_forward,
    .rms_norm_backward = rms_norm_backward,
    .embedding_forward = embedding_forward,
    .embedding_backward = embedding_backward,
    .gather_forward = gather_forward,
    .gather_backward = gather_backward,
    .vision_projection_forward = vision_projection_forward,
    .vision_projection_backward = vision_projection_backward,
    .vision_attention_forward = vision_attention_forward,
    .vision_attention_backward = vision_attention_backward,
    .attention_forward = attention_forward,
    .attention_backward = attention_backward,
    .mlp_forward = mlp_forward,
    .mlp_backward = mlp_backward,
    .cross_entropy_forward = cross_entropy_forward,
    .cross_entropy_backward = cross_entropy_backward,
    .reconstruction_forward = reconstruction_forward,
    .reconstruction_backward = reconstruction_backward,
    .adam_step = adam_step,
    .adam_step_outer = adam_step_outer,
    .squared_norm = squared_norm,
    .add = add,
};
