/** The API as app/service/openapi.json describes it, and the part of it that is not described there yet. */
import type { components, paths as described } from "./schema";

/** A task of whoever is signed in. */
export interface Task {
  id: string;
  title: string;
  done: boolean;
  /** Grows by one with each change. */
  version: number;
  created_at: string;
  updated_at: string;
}

/** Something that happened. */
export interface Event {
  id: string;
  at: string;
  event: string;
  account: string;
  object: string;
  client: string;
  request: string;
  host: string;
  details: Record<string, unknown>;
}

export type Account = components["schemas"]["Account"];

interface Page<T> {
  results: T[];
  next_cursor: string | null;
}

interface Operation<Parameters, Answer> {
  parameters: Parameters;
  responses: { 200: { headers: Record<string, unknown>; content: { "application/json": Answer } } };
}

interface Undescribed {
  "/v1/tasks": {
    get: Operation<
      {
        query?: {
          done?: boolean;
          q?: string;
          order?: "created" | "-created" | "title" | "-title";
          limit?: number;
          cursor?: string;
        };
      },
      Page<Task>
    >;
    post: described["/v1/tasks"]["post"];
  };
  "/v1/tasks/{id}": {
    get: Operation<{ path: { id: string } }, Task>;
    patch: Operation<{ path: { id: string } }, Task> & {
      requestBody: { content: { "application/json": { title?: string; done?: boolean } } };
    };
    delete: described["/v1/tasks/{id}"]["delete"];
  };
  "/v1/activity": {
    get: Operation<
      {
        query?: {
          event?: string;
          object?: string;
          since?: string;
          until?: string;
          everyone?: boolean;
          account?: string;
          limit?: number;
          cursor?: string;
        };
      },
      Page<Event>
    >;
  };
}

/** All paths. */
export type Paths = Omit<described, keyof Undescribed> & Undescribed;
