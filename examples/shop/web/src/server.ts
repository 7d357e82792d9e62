/** What the shop's own routes answer; the tasks come through the hooks. */

export interface Me {
  readonly name: string;
  readonly is_admin: boolean;
}

export interface OrderLine {
  readonly id: number;
  readonly product: string;
  readonly cents: number;
  readonly ordered_on: string;
}

export interface DaySales {
  readonly day: string;
  readonly orders: number;
  readonly cents: number;
}

/** Ask the server; rejects with its reason. */
export async function ask<Answer>(method: "GET" | "POST", path: string, body?: object): Promise<Answer> {
  const answer = await fetch(`/api${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  const text = await answer.text();
  const data = text ? JSON.parse(text) : undefined;
  if (!answer.ok) throw new Error(typeof data?.detail === "string" ? data.detail : answer.statusText);
  return data;
}

export function price(cents: number): string {
  return (cents / 100).toFixed(2);
}
