import type { TaskStatus } from "./protocol.js";
export type { TaskStatus };
/** What all snapshots have. */
interface Snapshot<Payload, Type extends string> {
    readonly id: string;
    readonly type: Type;
    readonly name: string;
    /** 0 to 100. */
    readonly progress: number;
    readonly statusMessage: string | null;
    readonly errorMessage: string | null;
    /** What the worker reported beside the progress; `null` before it did. */
    readonly payload: Payload | null;
    /** There where `payload` or `result` is `null` because it is too large for lists: more than 4,096
     * characters of JSON. Who watches the task by its id gets it whole. */
    readonly payloadOmitted?: true;
    readonly createdAt: string;
    readonly startedAt: string | null;
    readonly completedAt: string | null;
    /** Goes up with every change: of two snapshots the one with the higher revision is newer. */
    readonly revision: number;
    /** Which attempt this is, from 1; 0 before the first. */
    readonly attempt: number;
    readonly cancelRequested: boolean;
    /** When a delayed or retried task may start. */
    readonly scheduledAt: string | null;
    readonly owner: string | null;
    /** Why a task that is not final does not run: its time has not come, or as many tasks of its key
     * run as may. `null` where it runs, is final, or only waits for a free slot. */
    readonly waitingFor: "time" | "turn" | null;
    /** The schedule that submitted the task, and for which tick; `tick` is `null` where somebody had
     * it run by hand. */
    readonly schedule: {
        readonly name: string;
        readonly tick: string | null;
    } | null;
}
/** One whole snapshot of a task, as the server sends it. Times are ISO 8601 texts in UTC. What the
 * worker returned is its `result`, there once `status` is `"Completed"`. */
export type Task<Payload = unknown, Type extends string = string, Result = unknown> = (Snapshot<Payload, Type> & {
    readonly status: "Completed";
    readonly result: Result;
}) | (Snapshot<Payload, Type> & {
    readonly status: Exclude<TaskStatus, "Completed">;
    readonly result: null;
});
/** The names of the task types of `Types`. */
export type TypeName<Types extends object> = keyof Types & string;
/** A snapshot of any of the task types of `Types` (or those in `Name`): `type` tells which. */
export type TaskOf<Types extends object, Name extends TypeName<Types> = TypeName<Types>> = {
    [Type in Name]: Types[Type] extends {
        readonly __payload: infer Payload;
        readonly __result: infer Result;
    } ? Task<Payload, Type, Result> : Task<Types[Type], Type, unknown extends Types[Type] ? unknown : null>;
}[Name];
/** Whether a task no longer changes by itself. */
export declare function isFinal(task: {
    readonly status: TaskStatus;
}): boolean;
/** Whether a task can still change at all: one that failed or was cancelled may be retried. */
export declare function mayChange(task: {
    readonly status: TaskStatus;
}): boolean;
type Aged = Pick<Task, "createdAt" | "revision" | "payloadOmitted">;
/** Whether `a` is newer than `b`, both of one id. An id may be used again after its task was
 * pruned: then the later creation decides. The texts of times have one length and sort. Of the same
 * revision, the whole snapshot is newer than the one without its payload. */
export declare function isNewer(a: Aged, b: Aged): boolean;
type Created = Pick<Task, "id" | "createdAt">;
/** The order of lists, for `sort`: what was accepted last comes first. */
export declare function newestFirst(a: Created, b: Created): number;
/** Whether the server could know a task by this id. */
export declare function isTaskId(id: unknown): boolean;
/** `id` as the server writes it. Throws TypeError for what is no id. */
export declare function taskId(id: string): string;
