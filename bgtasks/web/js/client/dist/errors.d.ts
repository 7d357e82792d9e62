/** The root of what this package throws on purpose. */
export declare class BackgroundTasksError extends Error {
    readonly name: string;
}
/** The server understood and said no; the message is its text. */
export declare class TaskError extends BackgroundTasksError {
    /** The status of the answer, where it came over HTTP. */
    readonly status?: number | undefined;
    readonly name = "TaskError";
    constructor(message: string, 
    /** The status of the answer, where it came over HTTP. */
    status?: number | undefined);
}
/** There is no such task: it never was, it was pruned, or it is not yours to see. */
export declare class TaskNotFoundError extends BackgroundTasksError {
    readonly name = "TaskNotFoundError";
}
/** There was no answer in time. Whether the server got the request is not known. */
export declare class TimeoutError extends BackgroundTasksError {
    readonly name = "TimeoutError";
}
/** The connection was lost before the answer. Whether the server got the request is not known. */
export declare class DisconnectedError extends BackgroundTasksError {
    readonly name = "DisconnectedError";
}
/** The server does not let this client in. */
export declare class RefusedError extends BackgroundTasksError {
    readonly name = "RefusedError";
}
/** `close()` was called. */
export declare class ClosedError extends BackgroundTasksError {
    readonly name = "ClosedError";
}
