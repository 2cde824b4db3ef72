// Written by npm run docs from app/service/openapi.json.
export type $Read<T> = {
  readonly $read: T;
};
export type $Write<T> = {
  readonly $write: T;
};
export type Readable<T> =
  T extends $Write<any>
    ? never
    : T extends $Read<infer U>
      ? Readable<U>
      : T extends (infer E)[]
        ? Readable<E>[]
        : T extends object
          ? {
              [K in keyof T as NonNullable<T[K]> extends $Write<any> ? never : K]: Readable<T[K]>;
            }
          : T;
export type Writable<T> =
  T extends $Read<any>
    ? never
    : T extends $Write<infer U>
      ? Writable<U>
      : T extends (infer E)[]
        ? Writable<E>[]
        : T extends object
          ? {
              [K in keyof T as NonNullable<T[K]> extends $Read<any> ? never : K]: Writable<T[K]>;
            } & {
              [K in keyof T as NonNullable<T[K]> extends $Read<any> ? K : never]?: never;
            }
          : T;
export interface paths {
  "/v1/account": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * One's own account
     * @description One's own account.
     */
    get: operations["v1_account_retrieve"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/account/delete": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Deletes one's own account and all that belongs to it
     * @description Deletes one's own account and all that belongs to it. The login cannot be had again for 30 days.
     */
    post: operations["v1_account_delete_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/account/password": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    /**
     * Sets another password, ends all sessions and begins a new one
     * @description Sets another password, ends all sessions and begins a new one.
     */
    put: operations["v1_account_password_update"];
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/accounts": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Accounts in the order of their logins, a page at a time, also those with a prefix only
     * @description Accounts in the order of their logins, a page at a time, also those with a prefix only.
     */
    get: operations["v1_accounts_retrieve"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/accounts/{account}/lock": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ends the account's sessions, and lets nobody sign in to it
     * @description Ends the account's sessions, and lets nobody sign in to it.
     */
    post: operations["v1_accounts_lock_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/accounts/{account}/signout": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Signs the account out everywhere
     * @description Signs the account out everywhere.
     */
    post: operations["v1_accounts_signout_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/accounts/{account}/unlock": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Lets its owner sign in again
     * @description Lets its owner sign in again.
     */
    post: operations["v1_accounts_unlock_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/activity": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * What was done, the newest first, a page at a time
     * @description What was done, the newest first, a page at a time.
     */
    get: operations["v1_activity_list"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/fleet": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * The group of hosts that serves, as it stands
     * @description The group of hosts that serves, as it stands.
     */
    get: operations["v1_fleet_retrieve"];
    /**
     * Sets how many hosts there should be, within the group's limits
     * @description Sets how many hosts there should be, within the group's limits.
     */
    put: operations["v1_fleet_update"];
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/fleet/history": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Changes of the fleet's size, and what the group did and why, each the newest first
     * @description Changes of the fleet's size, and what the group did and why, each the newest first.
     */
    get: operations["v1_fleet_history"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/session": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    /**
     * Renews the session
     * @description Renews the session.
     */
    put: operations["v1_session_update"];
    /**
     * Signs in
     * @description Signs in.
     */
    post: operations["v1_session_create"];
    /**
     * Ends the session: this one only
     * @description Ends the session: this one only.
     */
    delete: operations["v1_session_destroy"];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/signin": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Exchanges login and password for tokens
     * @description Exchanges login and password for tokens.
     */
    post: operations["v1_signin_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/signout": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ends every session of the account
     * @description Ends every session of the account. Access tokens expire within minutes.
     */
    post: operations["v1_signout_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/signup": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Creates an account
     * @description Creates an account. Of any number of requests for one login with different passwords, one succeeds.
     *
     *     The same login and password again answers like the first time: a reply can get lost.
     */
    post: operations["v1_signup_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tasks": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Tasks, a page at a time
     * @description Tasks, a page at a time.
     */
    get: operations["v1_tasks_list"];
    put?: never;
    /**
     * Adds a task
     * @description Adds a task. With an Idempotency-Key it is safe to repeat.
     */
    post: operations["v1_tasks_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/tasks/{id}": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * One task
     * @description One task.
     */
    get: operations["v1_tasks_retrieve"];
    /**
     * Makes or replaces the task of an id that the client has chosen: safe to repeat
     * @description Makes or replaces the task of an id that the client has chosen: safe to repeat.
     */
    put: operations["v1_tasks_update"];
    post?: never;
    /**
     * Deletes a task
     * @description Deletes a task.
     */
    delete: operations["v1_tasks_destroy"];
    options?: never;
    head?: never;
    /**
     * Changes what is given of a task
     * @description Changes what is given of a task.
     */
    patch: operations["v1_tasks_partial_update"];
    trace?: never;
  };
  "/v1/token/refresh": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Exchanges a refresh token for new tokens
     * @description Exchanges a refresh token for new tokens. It is good for one use; a second one ends the session.
     */
    post: operations["v1_token_refresh_create"];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/livez": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Is the process alive? */
    get: operations["livez"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/healthcheck": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Is the process alive? As /livez. */
    get: operations["healthcheck"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/readyz": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Can this host serve everything? */
    get: operations["readyz"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/schema": {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** This description. */
    get: operations["v1_schema"];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    /** @description What may be told of an account: neither a password nor a hash. */
    Account: {
      /** @example 3f2b8c0e9d714a6f8b1c5d7e9f0a2b4c */
      id: string;
      /** @example ada@example.com */
      login: string;
      /**
       * @example user
       * @enum {string}
       */
      role: "user" | "admin";
      /** @example false */
      locked: boolean;
      /**
       * Format: date-time
       * @example 2026-03-01T09:30:00.125Z
       */
      created_at: string;
      /**
       * Format: date-time
       * @example 2026-03-01T09:30:00.125Z
       */
      changed_at: string;
    };
    AccountPage: {
      results: components["schemas"]["Account"][];
      /** @example ada@example.com */
      next_cursor: string | null;
    };
    Change: {
      /**
       * Format: date-time
       * @example 2026-03-01T09:30:00.125Z
       */
      at: string;
      /**
       * @description The administrator who asked for it.
       * @example 3f2b8c0e9d714a6f8b1c5d7e9f0a2b4c
       */
      account: string;
      /** @example 2 */
      from: number;
      /** @example 3 */
      to: number;
    };
    CreatedAccount: {
      /** @example 3f2b8c0e9d714a6f8b1c5d7e9f0a2b4c */
      id: string;
    };
    /** @description A login and its password, normalized. */
    Credentials: {
      /** @example ada@example.com */
      login: string;
      /** @example three quiet herons */
      password: $Write<string>;
    };
    Event: {
      /**
       * Format: uuid
       * @example 019ca8b1-5f60-7cc3-98c4-dc0c0c07398f
       */
      id: string;
      /**
       * Format: date-time
       * @example 2026-03-01T09:30:00.125Z
       */
      at: string;
      /** @example account.signed_in */
      event: components["schemas"]["EventEnum"];
      /**
       * @description Who did it; empty where nobody had signed in.
       * @example 3f2b8c0e9d714a6f8b1c5d7e9f0a2b4c
       */
      account: string;
      /**
       * @description What it was done to; may be empty.
       * @example 019ca8b1-5f60-7cc3-98c4-dc0c0c07398f
       */
      object: string;
      /**
       * @description The client's address.
       * @example 203.0.113.9
       */
      client: string;
      /**
       * @description The request's id.
       * @example 1-67891233-abcdef012345678912345678
       */
      request: string;
      /**
       * @description The host that served the request.
       * @example i-0a1b2c3d4e5f67890
       */
      host: string;
      /**
       * @example {
       *       "version": 2
       *     }
       */
      details: {
        [key: string]: unknown;
      };
    };
    /**
     * @description * `account.signed_up` - account.signed_up
     *     * `account.signed_in` - account.signed_in
     *     * `account.sign_in_refused` - account.sign_in_refused
     *     * `account.signed_out` - account.signed_out
     *     * `account.password_changed` - account.password_changed
     *     * `account.password_refused` - account.password_refused
     *     * `account.token_reused` - account.token_reused
     *     * `account.deleted` - account.deleted
     *     * `account.locked` - account.locked
     *     * `account.unlocked` - account.unlocked
     *     * `account.sessions_ended` - account.sessions_ended
     *     * `task.created` - task.created
     *     * `task.changed` - task.changed
     *     * `task.deleted` - task.deleted
     *     * `fleet.resized` - fleet.resized
     * @example account.signed_in
     * @enum {string}
     */
    EventEnum:
      | "account.signed_up"
      | "account.signed_in"
      | "account.sign_in_refused"
      | "account.signed_out"
      | "account.password_changed"
      | "account.password_refused"
      | "account.token_reused"
      | "account.deleted"
      | "account.locked"
      | "account.unlocked"
      | "account.sessions_ended"
      | "task.created"
      | "task.changed"
      | "task.deleted"
      | "fleet.resized";
    EventPage: {
      results: components["schemas"]["Event"][];
      /** @example WyI5ZjM2 */
      next_cursor: string | null;
    };
    Fleet: {
      /** @example tasks-prod-web-20260301093000 */
      name: string;
      /** @example 2 */
      minimum: number;
      /** @example 6 */
      maximum: number;
      /** @example 3 */
      desired: number;
      instances: components["schemas"]["Instance"][];
    };
    /** @description Refuses what it does not know, by name: a misspelt field must not pass for one that was left out. */
    FleetSize: {
      /** @example 3 */
      desired: number;
    };
    History: {
      /** @description Null while the database is away. */
      changes: components["schemas"]["Change"][] | null;
      activities: components["schemas"]["ScalingActivity"][];
    };
    Instance: {
      /** @example i-0a1b2c3d4e5f67890 */
      id: string;
      /** @example us-east-1a */
      zone: string;
      /** @example InService */
      state: string;
      /** @example Healthy */
      health: string;
    };
    /** @description Credentials that obey the rules. */
    NewCredentials: {
      /** @example ada@example.com */
      login: string;
      /** @example three quiet herons */
      password: $Write<string>;
    };
    /** @description Refuses what it does not know, by name: a misspelt field must not pass for one that was left out. */
    NewPassword: {
      /**
       * @description The present one.
       * @example three quiet herons
       */
      password: $Write<string>;
      /** @example three quiet herons */
      new_password: $Write<string>;
    };
    /** @description Refuses what it does not know, by name: a misspelt field must not pass for one that was left out. */
    Password: {
      /**
       * @description The present one.
       * @example three quiet herons
       */
      password: $Write<string>;
    };
    /** @description What is to change of a task. */
    PatchedTaskPatch: {
      /** @example Buy milk */
      title?: string;
      /** @example false */
      done?: boolean;
    };
    /** @description Refuses what it does not know, by name: a misspelt field must not pass for one that was left out. */
    RefreshToken: {
      /** @example eyJhbGciOiJI.eyJpc3MiOiJk.dBjftJeZ4CVP */
      refresh: string;
    };
    ScalingActivity: {
      /** @example f9f2d65b-f1f2-43e7-b46d-d86756459699 */
      id: string;
      /**
       * Format: date-time
       * @example 2026-03-01T09:30:00.125Z
       */
      started_at: string;
      /**
       * Format: date-time
       * @example 2026-03-01T09:30:00.125Z
       */
      ended_at: string | null;
      /** @example Successful */
      status: string;
      /** @example Launching a new EC2 instance: i-0a1b2c3d4e5f67890 */
      description: string;
      /** @example An administrator asked for 3 hosts. */
      cause: string;
    };
    /** @description What is told of a session whose tokens are in cookies. */
    Session: {
      /**
       * @description Seconds.
       * @example 600
       */
      expires_in: number;
    };
    Task: {
      /**
       * Format: uuid
       * @example 019ca8b1-5f60-7cc3-98c4-dc0c0c07398f
       */
      id: $Read<string>;
      /** @example Buy milk */
      title: string;
      /** @example false */
      done?: boolean;
      /** @example 1 */
      version: $Read<number>;
      /**
       * Format: date-time
       * @example 2026-03-01T09:30:00.125Z
       */
      created_at: $Read<string>;
      /**
       * Format: date-time
       * @example 2026-03-01T09:30:00.125Z
       */
      updated_at: $Read<string>;
    };
    /** @description A whole task. */
    TaskBody: {
      /** @example Buy milk */
      title: string;
      /**
       * @default false
       * @example false
       */
      done?: boolean;
    };
    TaskPage: {
      results: components["schemas"]["Task"][];
      /** @example WyI5ZjM2 */
      next_cursor: string | null;
    };
    Tokens: {
      /** @example eyJhbGciOiJI.eyJpc3MiOiJk.dBjftJeZ4CVP */
      access: string;
      /**
       * @default Bearer
       * @example Bearer
       * @constant
       */
      token_type?: "Bearer";
      /**
       * @description Seconds.
       * @example 600
       */
      expires_in: number;
      /**
       * @description Good for one use.
       * @example eyJhbGciOiJI.eyJpc3MiOiJk.dBjftJeZ4CVP
       */
      refresh: string;
    };
    /**
     * @description Problem details (RFC 9457). `code` is stable: programs decide by it.
     * @example {
     *       "type": "about:blank",
     *       "title": "Not Found",
     *       "status": 404,
     *       "code": "not_found",
     *       "detail": "Not found."
     *     }
     */
    Problem: {
      /**
       * @example about:blank
       * @constant
       */
      type: "about:blank";
      /** @example Not Found */
      title: string;
      /** @example 404 */
      status: number;
      /** @example not_found */
      code: string;
      /** @example Not found. */
      detail: string;
      /** @description With the code `invalid`: what is wrong with which field. */
      errors?: {
        /** @example title */
        field: string;
        /** @example not_found */
        code: string;
        /** @example Not found. */
        detail: string;
      }[];
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  v1_account_retrieve: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Account"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks with the session of a browser. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_account_delete_create: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["Password"];
      };
    };
    responses: {
      /** @description No response body */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The password is wrong, or the account is locked. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Too many sign-ins have failed. Try again later. */
      429: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_account_password_update: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["NewPassword"];
      };
    };
    responses: {
      /** @description Tokens, or a session in cookies for who has one. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Tokens"] | components["schemas"]["Session"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The password is wrong, or the account is locked. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Too many sign-ins have failed. Try again later. */
      429: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_accounts_retrieve: {
    parameters: {
      query?: {
        cursor?: string;
        limit?: number;
        prefix?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["AccountPage"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only an administrator may do this. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_accounts_lock_create: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        account: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Account"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only an administrator may do this. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description There is no such thing, it is somebody else's, or the path is no id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description It is one's own account. */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_accounts_signout_create: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        account: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Account"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only an administrator may do this. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description There is no such thing, it is somebody else's, or the path is no id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_accounts_unlock_create: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        account: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Account"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only an administrator may do this. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description There is no such thing, it is somebody else's, or the path is no id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_activity_list: {
    parameters: {
      query?: {
        /** @description This account's; for administrators. */
        account?: string;
        /** @description `next_cursor` of the page before. */
        cursor?: string;
        /**
         * @description * `account.signed_up` - account.signed_up
         *     * `account.signed_in` - account.signed_in
         *     * `account.sign_in_refused` - account.sign_in_refused
         *     * `account.signed_out` - account.signed_out
         *     * `account.password_changed` - account.password_changed
         *     * `account.password_refused` - account.password_refused
         *     * `account.token_reused` - account.token_reused
         *     * `account.deleted` - account.deleted
         *     * `account.locked` - account.locked
         *     * `account.unlocked` - account.unlocked
         *     * `account.sessions_ended` - account.sessions_ended
         *     * `task.created` - task.created
         *     * `task.changed` - task.changed
         *     * `task.deleted` - task.deleted
         *     * `fleet.resized` - fleet.resized
         */
        event?:
          | "account.signed_up"
          | "account.signed_in"
          | "account.sign_in_refused"
          | "account.signed_out"
          | "account.password_changed"
          | "account.password_refused"
          | "account.token_reused"
          | "account.deleted"
          | "account.locked"
          | "account.unlocked"
          | "account.sessions_ended"
          | "task.created"
          | "task.changed"
          | "task.deleted"
          | "fleet.resized";
        /** @description Everybody's; for administrators. */
        everyone?: boolean;
        /** @description Most results of a page. */
        limit?: number;
        /** @description What it was done to: an account, task or group. */
        object?: string;
        /** @description Not before this time. */
        since?: string;
        /** @description Before this time. */
        until?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["EventPage"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only an administrator may do this. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_fleet_retrieve: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Fleet"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only an administrator may do this. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_fleet_update: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["FleetSize"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Fleet"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only an administrator may do this. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The fleet is being changed. */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The size is outside the group's limits. */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_fleet_history: {
    parameters: {
      query?: {
        /** @description Most of each kind. */
        limit?: number;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["History"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only an administrator may do this. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_session_update: {
    parameters: {
      query?: never;
      header: {
        /** @description No form of another site can send it. */
        "X-Session": "cookie";
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Session"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The credentials, or the session, are not valid. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks, or the account is locked. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_session_create: {
    parameters: {
      query?: never;
      header: {
        /** @description No form of another site can send it. */
        "X-Session": "cookie";
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["Credentials"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Session"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The credentials, or the session, are not valid. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks, or the account is locked. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Too many sign-ins have failed. Try again later. */
      429: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_session_destroy: {
    parameters: {
      query?: never;
      header: {
        /** @description No form of another site can send it. */
        "X-Session": "cookie";
      };
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No response body */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks, or the account is locked. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_signin_create: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["Credentials"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Tokens"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description No account has this login and password. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The account is locked. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Too many sign-ins have failed. Try again later. */
      429: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_signout_create: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No response body */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks with the session of a browser. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_signup_create: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["NewCredentials"];
      };
    };
    responses: {
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["CreatedAccount"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The login is taken. */
      409: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Too many sign-ins have failed. Try again later. */
      429: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_tasks_list: {
    parameters: {
      query?: {
        /** @description `next_cursor` of the page before. */
        cursor?: string;
        done?: boolean;
        /** @description Most results of a page. */
        limit?: number;
        /**
         * @description A minus sign reverses it. Titles are in the order of their lower-case code points.
         *
         *     * `created` - created
         *     * `-created` - -created
         *     * `title` - title
         *     * `-title` - -title
         */
        order?: "created" | "-created" | "title" | "-title";
        /** @description A text that is in the title, in upper or lower case. */
        q?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["TaskPage"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks with the session of a browser. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_tasks_create: {
    parameters: {
      query?: never;
      header?: {
        /** @description For a day, the same key and body again is the same task. */
        "Idempotency-Key"?: string;
      };
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["TaskBody"];
      };
    };
    responses: {
      201: {
        headers: {
          /** @description The task's path. */
          Location?: string;
          /** @description The task's version. */
          ETag?: string;
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Task"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks with the session of a browser. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The key came with another body before. */
      422: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_tasks_retrieve: {
    parameters: {
      query?: never;
      header?: {
        /** @description The ETags that the client has. */
        "If-None-Match"?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      200: {
        headers: {
          /** @description The task's version. */
          ETag?: string;
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Task"];
        };
      };
      /** @description The client has it. */
      304: {
        headers: {
          /** @description The task's version. */
          ETag?: string;
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks with the session of a browser. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description There is no such thing, it is somebody else's, or the path is no id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_tasks_update: {
    parameters: {
      query?: never;
      header?: {
        /** @description Only if the task has one of these ETags. */
        "If-Match"?: string;
        /** @description `*`: only if there is no such task. */
        "If-None-Match"?: "*";
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["TaskBody"];
        "application/merge-patch+json": components["schemas"]["TaskBody"];
      };
    };
    responses: {
      200: {
        headers: {
          /** @description The task's version. */
          ETag?: string;
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Task"];
        };
      };
      201: {
        headers: {
          /** @description The task's path. */
          Location?: string;
          /** @description The task's version. */
          ETag?: string;
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Task"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks with the session of a browser. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description There is no such thing, it is somebody else's, or the path is no id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The task is not what If-Match or If-None-Match expects. */
      412: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_tasks_destroy: {
    parameters: {
      query?: never;
      header?: {
        /** @description Only if the task has one of these ETags. */
        "If-Match"?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description No response body */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks with the session of a browser. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description There is no such thing, it is somebody else's, or the path is no id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The task is not what If-Match or If-None-Match expects. */
      412: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_tasks_partial_update: {
    parameters: {
      query?: never;
      header?: {
        /** @description Only if the task has one of these ETags. */
        "If-Match"?: string;
      };
      path: {
        id: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        "application/json": components["schemas"]["PatchedTaskPatch"];
        "application/merge-patch+json": components["schemas"]["PatchedTaskPatch"];
      };
    };
    responses: {
      200: {
        headers: {
          /** @description The task's version. */
          ETag?: string;
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Task"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The access token is missing, not valid, or has expired. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Another site asks with the session of a browser. */
      403: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description There is no such thing, it is somebody else's, or the path is no id. */
      404: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The task is not what If-Match or If-None-Match expects. */
      412: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_token_refresh_create: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        "application/json": components["schemas"]["RefreshToken"];
      };
    };
    responses: {
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": components["schemas"]["Tokens"];
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The refresh token is not valid any more. */
      401: {
        headers: {
          "WWW-Authenticate": "Bearer";
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description Only JSON is to be had. */
      406: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body did not arrive in time. */
      408: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is too large. */
      413: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description The body is of another media type. */
      415: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  livez: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": {
            /**
             * @example ok
             * @enum {string}
             */
            status: "ok";
          };
        };
      };
    };
  };
  healthcheck: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": {
            /**
             * @example ok
             * @enum {string}
             */
            status: "ok";
          };
        };
      };
    };
  };
  readyz: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It can. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/json": {
            /**
             * @example ready
             * @enum {string}
             */
            status: "ready" | "unavailable";
            checks: {
              database: {
                /** @example false */
                ok: boolean;
                /**
                 * @description What is wrong; only if something is.
                 * @example no answer within 2 s
                 */
                reason?: string;
              };
              accounts: {
                /** @example false */
                ok: boolean;
                /**
                 * @description What is wrong; only if something is.
                 * @example no answer within 2 s
                 */
                reason?: string;
              };
              migrations: {
                /** @example false */
                ok: boolean;
                /**
                 * @description What is wrong; only if something is.
                 * @example no answer within 2 s
                 */
                reason?: string;
              };
            };
          };
        };
      };
      /** @description It cannot; which part is away, and why. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/json": {
            /**
             * @example ready
             * @enum {string}
             */
            status: "ready" | "unavailable";
            checks: {
              database: {
                /** @example false */
                ok: boolean;
                /**
                 * @description What is wrong; only if something is.
                 * @example no answer within 2 s
                 */
                reason?: string;
              };
              accounts: {
                /** @example false */
                ok: boolean;
                /**
                 * @description What is wrong; only if something is.
                 * @example no answer within 2 s
                 */
                reason?: string;
              };
              migrations: {
                /** @example false */
                ok: boolean;
                /**
                 * @description What is wrong; only if something is.
                 * @example no answer within 2 s
                 */
                reason?: string;
              };
            };
          };
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
  v1_schema: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description OpenAPI 3.1. */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/vnd.oai.openapi+json": Record<string, never>;
        };
      };
      /** @description The request is malformed or not valid. */
      400: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
      /** @description What the request needs does not answer, or too many requests wait for it. Try again. */
      503: {
        headers: {
          /** @description Seconds. */
          "Retry-After": string;
          [name: string]: unknown;
        };
        content: {
          "application/problem+json": components["schemas"]["Problem"];
        };
      };
    };
  };
}
