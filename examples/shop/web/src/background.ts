import { createHooks } from "bgtasks-client/react";

import type { BackgroundTasks } from "./tasks";

export const { TasksProvider, useTask, useTasks, useConnection, useTaskClient } =
  createHooks<BackgroundTasks>();
