/* What the commands of a project share. */
#ifndef LEAT_CLI_PROJECT_H
#define LEAT_CLI_PROJECT_H

#include "cli/command.h"
#include "orchestration/update.h"

/* Opens project and pipeline from `folder` (NULL: here) for an environment (NULL: the default one).
 * Every error is reported; other than LEAT_EXIT_OK the project is closed. */
int leat_cli_open_pipeline(const char *folder, const char *environment, bool json,
                           struct leat_project *project, struct leat_pipeline *pipeline);

#endif
