// Made by `simctl schema types --lang ts`: what an app is handed, and what it finds around it.

/** Each event's payload, by the event's name. */
export interface SimctlEvents {
  /** a user initiates a conversation */
  onUserCreate: OnUserCreatePayload;
}

/**
 * What an app is handed when a user starts a conversation. The envelope's own attributes are described by
 * shared/envelope-2 and shared/envelope-3.
 */
export interface OnUserCreatePayload {
  /** The account in which the event happened. */
  account_id: string;
  /** The product's host. */
  domain: string;
  /** Where the account's data is kept. */
  region: "US" | "EU" | "EUC" | "AUS" | "IND";
  /** When the event happened: milliseconds since the start of 1970, UTC. */
  timestamp: number;
  /** The version of the payload's format. */
  version: string;
  /** The event's name. */
  event: "onUserCreate";
  /** What the event is about. */
  data: OnUserCreateData;
  /** The app's installation parameters, by name; absent where the app has none. */
  iparams?: { [name: string]: any };
}

/** What the event is about. */
export interface OnUserCreateData {
  /** The user who posted the message. The development kit's samples leave it empty. */
  actor?: Actor;
  /** Objects that belong to the message; null for this event. The development kit's samples have an empty object. */
  associations?: { [name: string]: any } | null;
  /** The user who initiated the conversation. */
  user: User;
}

/** The person who made the event happen: an agent, or the user. */
export interface Actor {
  /** What kind of person it is. */
  type?: "agent" | "user";
  /** An agent's or a user's identifier, as `type` says. */
  id?: string;
  /** The actor's business name. */
  first_name?: string;
  /** The actor's last name. */
  last_name?: string;
  /** The actor's email address. */
  email?: string;
  /** The actor's picture. */
  avatar?: ActorAvatar;
}

/** The actor's picture. */
export interface ActorAvatar {
  /** Where the picture is fetched from. */
  url?: string;
}

/** A user of the chat product: the one whom the event is about. */
export interface User {
  /** The user's identifier, made by the product when the conversation is initiated. */
  id: string;
  /** An identifier from elsewhere that the user gave, such as an email address or a phone number. */
  reference_id?: string;
  /** When the user's information was created, in UTC. */
  created_time: string;
  /** The user's business name. */
  first_name?: string;
  /** The user's last name. */
  last_name?: string;
  /** The user's email address. */
  email?: string;
  /** The user's phone number. */
  phone?: string;
  /** The user's picture. */
  avatar?: UserAvatar;
  /** What else is known of the user, as custom properties. */
  properties?: UserPropertiesItem[];
  /** Another place for `data.actor`: the vendor's outline of onUserCreate prints it here. */
  actor?: Actor;
  /** Another place for `data.associations`: the vendor's outline of onUserCreate prints it here. */
  associations?: { [name: string]: any } | null;
}

/** The user's picture. */
export interface UserAvatar {
  /** Where the picture is fetched from. */
  url?: string;
}

/** One custom property. */
export interface UserPropertiesItem {
  /** The custom property's name. */
  name?: string;
  /** The custom property's value. */
  value?: string;
}

/** A callback of that event: `Handler<"onUserCreate">`. */
export type Handler<Event extends keyof SimctlEvents> = (payload: SimctlEvents[Event]) => any;

/** What the platform's calls return: a promise with three methods more. */
export type PlatformPromise<Value> = Promise<Value> & { done(callback: (value: Value) => any): PlatformPromise<Value>; fail(callback: (error: any) => any): PlatformPromise<Value>; always(callback: () => any): PlatformPromise<Value> };

/** What a call is rejected with. */
export interface PlatformError {
  /** As in HTTP. */
  status: number;
  /** What is wrong. */
  message: string;
}

/** How a record is written. */
export interface DbOptions {
  /** Seconds until it is gone; without, it stays. */
  ttl?: number;
  /** Only where there is such a record, or none. */
  setIf?: "exist" | "not_exist";
}

/** Records that stay: `$db`. */
export interface Db {
  /** Writes a record. */
  set: (key: string, value: object, options?: DbOptions) => PlatformPromise<{ Created: boolean }>;
  /** Reads one; 404 where there is none. */
  get: (key: string) => PlatformPromise<any>;
  /** Changes attributes of one. */
  update: (key: string, action: "increment" | "append" | "set" | "remove", attributes: object, options?: { setIf?: "exist" | "not_exist" }) => PlatformPromise<{ Updated: boolean }>;
  /** Deletes one. */
  delete: (key: string) => PlatformPromise<{ Deleted: boolean }>;
}

/** What a request is answered with, and from status 400 on rejected with. */
export interface RequestAnswer {
  /** The status. */
  status: number;
  /** The headers. */
  headers: { [name: string]: any };
  /** The body: a text, or with `json: true` the value. */
  response: any;
  /** How often it was sent. */
  attempts: number;
}

/** What a request template is filled in with. */
export interface TemplateOptions {
  /** What `<%= context.x %>` stands for. */
  context?: { [name: string]: any };
  /** The body. */
  body?: string;
  /** Whether an earlier answer will do. */
  cache?: boolean;
  /** For how many milliseconds it will. */
  ttl?: number;
}

/** A request of platforms up to 2.2. */
export interface RequestOptions {
  /** The headers. */
  headers?: { [name: string]: string };
  /** The body. */
  body?: any;
  /** `true`: the answer is JSON; a value: the body is. */
  json?: any;
  /** The body, as a form. */
  form?: { [name: string]: any };
  /** The query. */
  qs?: { [name: string]: any };
  /** How often it is sent, 1 to 5. */
  maxAttempts?: number;
  /** Milliseconds between, up to 1500. */
  retryDelay?: number;
  /** Whether an earlier answer will do. */
  cache?: boolean;
  /** For how many milliseconds it will. */
  ttl?: number;
}

/** Requests to other services: `$request`. */
export interface Request {
  /** Sends a template of config/requests.json (2.3, 3.0). */
  invokeTemplate: (name: string, options?: TemplateOptions) => PlatformPromise<RequestAnswer>;
  /** GET, up to 2.2. */
  get: (url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>;
  /** POST, up to 2.2. */
  post: (url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>;
  /** PUT, up to 2.2. */
  put: (url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>;
  /** PATCH, up to 2.2. */
  patch: (url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>;
  /** DELETE, up to 2.2. */
  delete: (url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>;
}

/** Something put off. */
export interface ScheduleDefinition {
  /** At most 30 characters. */
  name: string;
  /** What onScheduledEvent is handed as `data`, at most 4 KB. */
  data: object;
  /** When, in ISO 8601; at least 5 minutes ahead. */
  schedule_at: string;
  /** How often from then on; without, once. */
  repeat?: { time_unit: "minutes" | "hours" | "days"; frequency: number };
}

/** What is put off: `$schedule`. */
export interface Schedule {
  /** Puts something off. */
  create: (schedule: ScheduleDefinition) => PlatformPromise<{ status: number; message: string }>;
  /** Changes it. */
  update: (schedule: ScheduleDefinition) => PlatformPromise<{ status: number; message: string }>;
  /** Says what was given. */
  fetch: (schedule: { name: string }) => PlatformPromise<ScheduleDefinition>;
  /** Gives it up. */
  delete: (schedule: { name: string }) => PlatformPromise<{ status: number; message: string }>;
}

/** Ends a set-up event: all is well, or the error says why not. */
export type RenderData = (error?: { message?: string; status?: number } | null, data?: any) => void;

/** An address that other services can call; onExternalEvent is then fired. */
export type GenerateTargetUrl = (options?: object) => PlatformPromise<string>;

declare global {
  const $db: Db;
  const $request: Request;
  const $schedule: Schedule;
  const renderData: RenderData;
  const generateTargetUrl: GenerateTargetUrl;
  /** What the app hands out: `exports = { onUserCreateCallback: function (payload) {} }`. */
  var exports: any;
  var require: NodeJS.Require;
  var process: NodeJS.Process;
  var console: Console;
  interface Console {
    log(...values: any[]): void;
    info(...values: any[]): void;
    warn(...values: any[]): void;
    error(...values: any[]): void;
    debug(...values: any[]): void;
  }
  namespace NodeJS {
    interface Require {
      (name: string): any;
    }
    interface ProcessEnv {
      /** `test` in simctl. */
      ENV?: string;
    }
    interface Process {
      env: ProcessEnv;
      cwd(): string;
    }
  }
}
