/* The places of a network's parameters, taken over from another graph.
 *
 * A parameter's place in the flat variable is given at its first use. Graphs on one store must agree
 * about places and size, also those that use only a part of a network, in an order of its own: an
 * autoencoder's decoder, say. So the whole is built once in a graph that is thrown away, and each of
 * the others begins with
 *
 *     gcl_network_outline(net, whole);                 before anything of `net` is built           */
#ifndef GCL_NN_OUTLINE_H
#define GCL_NN_OUTLINE_H

#include "nn/nn.h"

/* Gives `net` all parameters of `whole`, in its order, with its names, shapes and initial values. Keeps
 * nothing of `whole`. What `net` has already stays where it is. */
void gcl_network_outline(gcl_network *net, const gcl_network *whole);

#endif
