/** The root of what this package throws on purpose. */
export class BackgroundTasksError extends Error {
    name = "BackgroundTasksError";
}
/** The server understood and said no; the message is its text. */
export class TaskError extends BackgroundTasksError {
    status;
    name = "TaskError";
    constructor(message, 
    /** The status of the answer, where it came over HTTP. */
    status) {
        super(message);
        this.status = status;
    }
}
/** There is no such task: it never was, it was pruned, or it is not yours to see. */
export class TaskNotFoundError extends BackgroundTasksError {
    name = "TaskNotFoundError";
}
/** There was no answer in time. Whether the server got the request is not known. */
export class TimeoutError extends BackgroundTasksError {
    name = "TimeoutError";
}
/** The connection was lost before the answer. Whether the server got the request is not known. */
export class DisconnectedError extends BackgroundTasksError {
    name = "DisconnectedError";
}
/** The server does not let this client in. */
export class RefusedError extends BackgroundTasksError {
    name = "RefusedError";
}
/** `close()` was called. */
export class ClosedError extends BackgroundTasksError {
    name = "ClosedError";
}
