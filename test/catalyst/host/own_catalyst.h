#pragma once
#include "own_conduit.h"

extern "C" {
int catalyst_initialize(const conduit_node* params);
int catalyst_execute(const conduit_node* params);
int catalyst_finalize(const conduit_node* params);
int catalyst_about(conduit_node* params);
int catalyst_results(conduit_node* params);
}
