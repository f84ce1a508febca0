/** What the page asks of the stack: the routes below `/demo/`. */

export interface Places {
  citizen: string;
  agent: string;
}
export interface Session {
  id: number;
  ended: boolean;
}
export interface Outcome {
  outcome: "success" | "declined" | "failure";
  number?: string;
  code?: string;
}
export interface Said {
  at: number;
  party: "citizen" | "irma" | "telephony" | "agent";
  operation: string;
  status: number;
  sent: string[];
  got: string[];
}
export interface StoredRecord {
  id: string;
  status: string;
  purpose: string;
  createdAt: number;
  lookedUpAt: number | null;
  expiresAt: number;
}
export interface StoredCode {
  id: string;
  expiresAt: number;
}
export interface Tables {
  records: StoredRecord[];
  codes: StoredCode[];
}

async function ask<Answer>(path: string, body?: unknown): Promise<Answer> {
  const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`/demo/${path}`, body === undefined ? {} : post);
  if (!answer.ok) throw new Error(path);
  return (await answer.json()) as Answer;
}

export const places = (): Promise<Places> => ask("places");
export const sessions = (): Promise<Session[]> => ask("sessions");
export const wallet = (session: number, act: "disclose" | "decline", person: string): Promise<Outcome> =>
  ask("wallet", { session, act, person });
export const pairingCode = async (): Promise<string | null> => (await ask<{ pairingCode: string | null }>("wallet")).pairingCode;
export const exchange = (code: string, contactId: string): Promise<{ status: number; secret?: string }> =>
  ask("telephone", { code, contactId });
export const tables = (): Promise<Tables> => ask("tables");
/** What was said after the mark, and the mark after that. */
export const said = (mark: number): Promise<{ mark: number; said: Said[] }> => ask(`wire?mark=${mark}`);
