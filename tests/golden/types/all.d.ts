// Made by `simctl schema types --lang ts`: what an app is handed, and what it finds around it.

/** Each event's payload, by the event's name. */
export interface SimctlEvents {
  /** the app has been updated to a new version */
  afterAppUpdate: AfterAppUpdatePayload;
  /** an account's administrator installs the app */
  onAppInstall: OnAppInstallPayload;
  /** an account's administrator removes the app */
  onAppUninstall: OnAppUninstallPayload;
  /** another service calls the address of `generateTargetUrl` */
  onExternalEvent: OnExternalEventPayload;
  /** the time of a schedule has come */
  onScheduledEvent: OnScheduledEventPayload;
  /** a user initiates a conversation */
  onUserCreate: OnUserCreatePayload;
  /** a user's information is updated, by the user or by an agent */
  onUserUpdate: OnUserUpdatePayload;
}

/**
 * What an app is handed once it has been brought to a new version. The update waits for `renderData`: an error
 * there undoes it. The envelope's own attributes are described by shared/envelope-2 and shared/envelope-3.
 */
export interface AfterAppUpdatePayload {
  /** The products that the app is installed in. */
  currentHost: EnvelopeCurrentHost;
  /** Where the account's data is kept. */
  region: "US" | "EU" | "EUC" | "AUS" | "IND";
  /** When the event happened: milliseconds since the start of 1970, UTC. */
  timestamp: number;
  /** The version of the payload's format. */
  version: string;
  /** The event's name. */
  event: "afterAppUpdate";
  /** The app's installation parameters, by name; absent where the app has none. */
  iparams?: { [name: string]: any };
}

/** The products that the app is installed in. */
export interface EnvelopeCurrentHost {
  /** The modules that the app subscribes to and the account has. */
  subscribed_modules: string[];
  /** By product, the URL at which it answers. */
  endpoint_urls: { [name: string]: string };
}

/**
 * What an app is handed before it is installed. The installation waits for `renderData`: an error there stops
 * it. The envelope's own attributes are described by shared/envelope-2 and shared/envelope-3.
 */
export interface OnAppInstallPayload {
  /** The products that the app is installed in. */
  currentHost: EnvelopeCurrentHost2;
  /** Where the account's data is kept. */
  region: "US" | "EU" | "EUC" | "AUS" | "IND";
  /** When the event happened: milliseconds since the start of 1970, UTC. */
  timestamp: number;
  /** The version of the payload's format. */
  version: string;
  /** The event's name. */
  event: "onAppInstall";
  /** The app's installation parameters, by name; absent where the app has none. */
  iparams?: { [name: string]: any };
}

/** The products that the app is installed in. */
export interface EnvelopeCurrentHost2 {
  /** The modules that the app subscribes to and the account has. */
  subscribed_modules: string[];
  /** By product, the URL at which it answers. */
  endpoint_urls: { [name: string]: string };
}

/**
 * What an app is handed before it is removed. The removal waits for `renderData`: an error there stops it. The
 * envelope's own attributes are described by shared/envelope-2 and shared/envelope-3.
 */
export interface OnAppUninstallPayload {
  /** The products that the app is installed in. */
  currentHost: EnvelopeCurrentHost3;
  /** Where the account's data is kept. */
  region: "US" | "EU" | "EUC" | "AUS" | "IND";
  /** When the event happened: milliseconds since the start of 1970, UTC. */
  timestamp: number;
  /** The version of the payload's format. */
  version: string;
  /** The event's name. */
  event: "onAppUninstall";
  /** The app's installation parameters, by name; absent where the app has none. */
  iparams?: { [name: string]: any };
}

/** The products that the app is installed in. */
export interface EnvelopeCurrentHost3 {
  /** The modules that the app subscribes to and the account has. */
  subscribed_modules: string[];
  /** By product, the URL at which it answers. */
  endpoint_urls: { [name: string]: string };
}

/**
 * What an app is handed when another service calls the address that `generateTargetUrl` gave. The envelope's own
 * attributes are described by shared/envelope-2 and shared/envelope-3.
 */
export interface OnExternalEventPayload {
  /** The products that the app is installed in. */
  currentHost: EnvelopeCurrentHost4;
  /** Where the account's data is kept. */
  region: "US" | "EU" | "EUC" | "AUS" | "IND";
  /** When the event happened: milliseconds since the start of 1970, UTC. */
  timestamp: number;
  /** The version of the payload's format. */
  version: string;
  /** The event's name. */
  event: "onExternalEvent";
  /** What the service sent: a JSON body as it is, XML and forms as an object. */
  data: { [name: string]: any };
  /** The headers of the service's request, by name. */
  headers?: { [name: string]: string };
  /** The app's installation parameters, by name; absent where the app has none. */
  iparams?: { [name: string]: any };
}

/** The products that the app is installed in. */
export interface EnvelopeCurrentHost4 {
  /** The modules that the app subscribes to and the account has. */
  subscribed_modules: string[];
  /** By product, the URL at which it answers. */
  endpoint_urls: { [name: string]: string };
}

/**
 * What an app is handed when the time of a schedule has come. The envelope's own attributes are described by
 * shared/envelope-2 and shared/envelope-3.
 */
export interface OnScheduledEventPayload {
  /** The products that the app is installed in. */
  currentHost: EnvelopeCurrentHost5;
  /** Where the account's data is kept. */
  region: "US" | "EU" | "EUC" | "AUS" | "IND";
  /** When the event happened: milliseconds since the start of 1970, UTC. */
  timestamp: number;
  /** The version of the payload's format. */
  version: string;
  /** The event's name. */
  event: "onScheduledEvent";
  /** What `$schedule.create` was given as `data`. */
  data: { [name: string]: any };
  /** The app's installation parameters, by name; absent where the app has none. */
  iparams?: { [name: string]: any };
}

/** The products that the app is installed in. */
export interface EnvelopeCurrentHost5 {
  /** The modules that the app subscribes to and the account has. */
  subscribed_modules: string[];
  /** By product, the URL at which it answers. */
  endpoint_urls: { [name: string]: string };
}

/**
 * What an app is handed when a user starts a conversation. The envelope's own attributes are described by
 * shared/envelope-2 and shared/envelope-3.
 */
export interface OnUserCreatePayload {
  /** The products that the app is installed in. */
  currentHost: EnvelopeCurrentHost6;
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

/** The products that the app is installed in. */
export interface EnvelopeCurrentHost6 {
  /** The modules that the app subscribes to and the account has. */
  subscribed_modules: string[];
  /** By product, the URL at which it answers. */
  endpoint_urls: { [name: string]: string };
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

/**
 * What an app is handed when a user's information is changed, by the user or by an agent. The envelope's own
 * attributes are described by shared/envelope-2 and shared/envelope-3.
 */
export interface OnUserUpdatePayload {
  /** The products that the app is installed in. */
  currentHost: EnvelopeCurrentHost7;
  /** Where the account's data is kept. */
  region: "US" | "EU" | "EUC" | "AUS" | "IND";
  /** When the event happened: milliseconds since the start of 1970, UTC. */
  timestamp: number;
  /** The version of the payload's format. */
  version: string;
  /** The event's name. */
  event: "onUserUpdate";
  /** What the event is about. */
  data: OnUserUpdateData;
  /** The app's installation parameters, by name; absent where the app has none. */
  iparams?: { [name: string]: any };
}

/** The products that the app is installed in. */
export interface EnvelopeCurrentHost7 {
  /** The modules that the app subscribes to and the account has. */
  subscribed_modules: string[];
  /** By product, the URL at which it answers. */
  endpoint_urls: { [name: string]: string };
}

/** What the event is about. */
export interface OnUserUpdateData {
  /** Who changed the user's information. */
  actor: Actor & Required<Pick<Actor, "type" | "id">>;
  /** Objects that belong to the message; an object or null. */
  associations?: { [name: string]: any } | null;
  changes: Changes;
  /** The user whose information changed, with the new values. */
  user: User;
}

/**
 * Which of the user's fields changed: by field, the new value and the old one. The development kit's samples
 * have the pairs under `model_changes` and the old value first.
 */
export type Changes = { [Field in keyof User]?: ChangesPair<User[Field]> } & { model_changes?: { [Field in keyof User]?: ChangesPair<User[Field]> } };

/** The field's two values; null where the user had none. */
export type ChangesPair<Value> = [NonNullable<Value> | null, NonNullable<Value> | null];

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
