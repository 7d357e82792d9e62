/** The root of what this package throws on purpose. */
export class BackgroundTasksError extends Error {
  override readonly name: string = "BackgroundTasksError";
}

/** The server understood and said no; the message is its text. */
export class TaskError extends BackgroundTasksError {
  override readonly name = "TaskError";

  constructor(
    message: string,
    /** The status of the answer, where it came over HTTP. */
    readonly status?: number,
  ) {
    super(message);
  }
}

/** There is no such task: it never was, it was pruned, or it is not yours to see. */
export class TaskNotFoundError extends BackgroundTasksError {
  override readonly name = "TaskNotFoundError";
}

/** There was no answer in time. Whether the server got the request is not known. */
export class TimeoutError extends BackgroundTasksError {
  override readonly name = "TimeoutError";
}

/** The connection was lost before the answer. Whether the server got the request is not known. */
export class DisconnectedError extends BackgroundTasksError {
  override readonly name = "DisconnectedError";
}

/** The server does not let this client in. */
export class RefusedError extends BackgroundTasksError {
  override readonly name = "RefusedError";
}

/** `close()` was called. */
export class ClosedError extends BackgroundTasksError {
  override readonly name = "ClosedError";
}
