export declare const ATTEMPTS = "/api/tasks/{id}/attempts";
export declare const BULK = "/api/tasks/bulk";
export declare const BULK_JOB = "/api/tasks/bulk/{id}";
export declare const COUNTS = "/api/tasks/counts";
export declare const DELETE = "/api/tasks/{id}/delete";
export declare const EVENTS = "/api/tasks/events";
export declare const FACETS = "/api/failures/{group}/facets";
export declare const FAILURES = "/api/failures";
export declare const HEALTH = "/api/health";
export declare const HEARTBEAT = 15;
export declare const HISTORY = "/api/stats/history";
export declare const LOGS = "/api/tasks/{id}/logs";
export declare const MAX_BODY = 65536;
export declare const MAX_CURSOR = 200;
export declare const MAX_FRAME = 65536;
export declare const MAX_IDS = 1000;
export declare const MAX_LIMIT = 200;
export declare const MAX_LOGS = 20;
export declare const MAX_OWNER = 255;
export declare const MAX_PAGE_BYTES = 1048576;
export declare const MAX_PROCESSES = 1000;
export declare const MAX_QUERY = 8192;
export declare const MAX_TYPE = 200;
export declare const MAX_TYPES = 100;
export declare const ME = "/api/me";
export declare const NAMESPACE = "/background-tasks";
export declare const OPENAPI = "/api/openapi.json";
export declare const PAUSE_SCHEDULE = "/api/schedules/{name}/pause";
export declare const PAUSE_TYPE = "/api/types/{type}/pause";
export declare const PERMISSIONS = "/api/tasks/{id}/permissions";
export declare const PROCESSES = "/api/processes";
export declare const REFUSED = "Refused";
export declare const RESUME_SCHEDULE = "/api/schedules/{name}/resume";
export declare const RESUME_TYPE = "/api/types/{type}/resume";
export declare const RUN_AGAIN = "/api/tasks/{id}/run-again";
export declare const RUN_SCHEDULE = "/api/schedules/{name}/run";
export declare const SCHEDULES = "/api/schedules";
export declare const SCHEDULE_UPDATED = "ScheduleUpdated";
export declare const SOCKET = "/socket.io";
export declare const STATS = "/api/stats";
export declare const STATS_UPDATED = "StatsUpdated";
export declare const SUBSCRIBE = "Subscribe";
export declare const TASK = "/api/tasks/{id}";
export declare const TASKS = "/api/tasks";
export declare const TASK_LOG = "TaskLog";
export declare const TASK_UPDATED = "TaskUpdated";
export declare const TYPES = "/api/types";
export declare const TYPE_UPDATED = "TypeUpdated";
export declare const UNSUBSCRIBE = "Unsubscribe";
/** The states of a task; the last three are final. */
export declare const STATUSES: readonly ["Pending", "Running", "Completed", "Failed", "Cancelled"];
export type TaskStatus = (typeof STATUSES)[number];
/** What may be done to a task: the hub's event, and the request over HTTP. */
export declare const COMMANDS: {
    readonly cancel: {
        readonly event: "CancelTask";
        readonly method: "DELETE";
        readonly route: "/api/tasks/{id}";
    };
    readonly retry: {
        readonly event: "RetryTask";
        readonly method: "POST";
        readonly route: "/api/tasks/{id}/retry";
    };
    readonly runAgain: {
        readonly event: "RunTaskAgain";
        readonly method: "POST";
        readonly route: "/api/tasks/{id}/run-again";
    };
    readonly delete: {
        readonly event: "DeleteTask";
        readonly method: "POST";
        readonly route: "/api/tasks/{id}/delete";
    };
};
