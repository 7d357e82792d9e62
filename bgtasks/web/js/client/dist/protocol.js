// Generated from bgtasks/web/protocol.py by `python -m bgtasks.cli.typescript.protocol`.
// Do not edit.
export const ATTEMPTS = "/api/tasks/{id}/attempts";
export const BULK = "/api/tasks/bulk";
export const BULK_JOB = "/api/tasks/bulk/{id}";
export const COUNTS = "/api/tasks/counts";
export const DELETE = "/api/tasks/{id}/delete";
export const EVENTS = "/api/tasks/events";
export const FACETS = "/api/failures/{group}/facets";
export const FAILURES = "/api/failures";
export const HEALTH = "/api/health";
export const HEARTBEAT = 15.0;
export const HISTORY = "/api/stats/history";
export const LOGS = "/api/tasks/{id}/logs";
export const MAX_BODY = 65536;
export const MAX_CURSOR = 200;
export const MAX_FRAME = 65536;
export const MAX_IDS = 1000;
export const MAX_LIMIT = 200;
export const MAX_LOGS = 20;
export const MAX_OWNER = 255;
export const MAX_PAGE_BYTES = 1048576;
export const MAX_PROCESSES = 1000;
export const MAX_QUERY = 8192;
export const MAX_TYPE = 200;
export const MAX_TYPES = 100;
export const ME = "/api/me";
export const NAMESPACE = "/background-tasks";
export const OPENAPI = "/api/openapi.json";
export const PAUSE_SCHEDULE = "/api/schedules/{name}/pause";
export const PAUSE_TYPE = "/api/types/{type}/pause";
export const PERMISSIONS = "/api/tasks/{id}/permissions";
export const PROCESSES = "/api/processes";
export const REFUSED = "Refused";
export const RESUME_SCHEDULE = "/api/schedules/{name}/resume";
export const RESUME_TYPE = "/api/types/{type}/resume";
export const RUN_AGAIN = "/api/tasks/{id}/run-again";
export const RUN_SCHEDULE = "/api/schedules/{name}/run";
export const SCHEDULES = "/api/schedules";
export const SCHEDULE_UPDATED = "ScheduleUpdated";
export const SOCKET = "/socket.io";
export const STATS = "/api/stats";
export const STATS_UPDATED = "StatsUpdated";
export const SUBSCRIBE = "Subscribe";
export const TASK = "/api/tasks/{id}";
export const TASKS = "/api/tasks";
export const TASK_LOG = "TaskLog";
export const TASK_UPDATED = "TaskUpdated";
export const TYPES = "/api/types";
export const TYPE_UPDATED = "TypeUpdated";
export const UNSUBSCRIBE = "Unsubscribe";
/** The states of a task; the last three are final. */
export const STATUSES = ["Pending", "Running", "Completed", "Failed", "Cancelled"];
/** What may be done to a task: the hub's event, and the request over HTTP. */
export const COMMANDS = {
    cancel: { event: "CancelTask", method: "DELETE", route: "/api/tasks/{id}" },
    retry: { event: "RetryTask", method: "POST", route: "/api/tasks/{id}/retry" },
    runAgain: { event: "RunTaskAgain", method: "POST", route: "/api/tasks/{id}/run-again" },
    delete: { event: "DeleteTask", method: "POST", route: "/api/tasks/{id}/delete" },
};
