/** What the policy lets this user do to which task, as far as it was asked. */
import { signal } from "@preact/signals";
import type { Action, Permissions } from "bgtasks-client";
import { client, each } from "./server";

const known = signal<ReadonlyMap<string, Permissions>>(new Map());
const asked = new Set<string>();

/** `undefined`: not known (yet); then the server's answer to the action decides. */
export function isAllowed(action: Action, id: string): boolean | undefined {
  return known.value.get(id)?.[action];
}

export async function askFor(ids: readonly string[]): Promise<void> {
  const missing = ids.filter((id) => !asked.has(id));
  for (const id of missing) asked.add(id);
  await each(missing, async (id) => {
    try {
      const permissions = await client.peek().api.permissions(id);
      known.value = new Map(known.peek()).set(id, permissions);
    } catch {
      asked.delete(id);
    }
  });
}

export function forgetPermissions(): void {
  known.value = new Map();
  asked.clear();
}
