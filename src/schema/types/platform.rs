//! The types of what the platform gives an app beside the payload (docs/platform.md): no schema describes them.

use super::{Attribute, Body, Declaration};

/// A type: its name, its parameter and what that must be, what it is, and its attributes or, without any, another type.
type Row = (&'static str, Option<(&'static str, &'static str)>, &'static str, Is);

enum Is {
    Object(&'static [(&'static str, &'static str, &'static str)]),
    Alias(&'static str),
}

/// `?` at the end of a name says that it may be absent.
const TYPES: [Row; 13] = [
    (
        "Handler",
        Some(("Event", "keyof SimctlEvents")),
        "A callback of that event: `Handler<\"onUserCreate\">`.",
        Is::Alias("(payload: SimctlEvents[Event]) => any"),
    ),
    (
        "PlatformPromise",
        Some(("Value", "any")),
        "What the platform's calls return: a promise with three methods more.",
        Is::Alias(
            "Promise<Value> & { done(callback: (value: Value) => any): PlatformPromise<Value>; \
             fail(callback: (error: any) => any): PlatformPromise<Value>; \
             always(callback: () => any): PlatformPromise<Value> }",
        ),
    ),
    (
        "PlatformError",
        None,
        "What a call is rejected with.",
        Is::Object(&[("status", "number", "As in HTTP."), ("message", "string", "What is wrong.")]),
    ),
    (
        "DbOptions",
        None,
        "How a record is written.",
        Is::Object(&[
            ("ttl?", "number", "Seconds until it is gone; without, it stays."),
            ("setIf?", "\"exist\" | \"not_exist\"", "Only where there is such a record, or none."),
        ]),
    ),
    (
        "Db",
        None,
        "Records that stay: `$db`.",
        Is::Object(&[
            (
                "set",
                "(key: string, value: object, options?: DbOptions) => PlatformPromise<{ Created: boolean }>",
                "Writes a record.",
            ),
            ("get", "(key: string) => PlatformPromise<any>", "Reads one; 404 where there is none."),
            (
                "update",
                "(key: string, action: \"increment\" | \"append\" | \"set\" | \"remove\", attributes: object, options?: { setIf?: \"exist\" | \"not_exist\" }) => PlatformPromise<{ Updated: boolean }>",
                "Changes attributes of one.",
            ),
            ("delete", "(key: string) => PlatformPromise<{ Deleted: boolean }>", "Deletes one."),
        ]),
    ),
    (
        "RequestAnswer",
        None,
        "What a request is answered with, and from status 400 on rejected with.",
        Is::Object(&[
            ("status", "number", "The status."),
            ("headers", "{ [name: string]: any }", "The headers."),
            ("response", "any", "The body: a text, or with `json: true` the value."),
            ("attempts", "number", "How often it was sent."),
        ]),
    ),
    (
        "TemplateOptions",
        None,
        "What a request template is filled in with.",
        Is::Object(&[
            ("context?", "{ [name: string]: any }", "What `<%= context.x %>` stands for."),
            ("body?", "string", "The body."),
            ("cache?", "boolean", "Whether an earlier answer will do."),
            ("ttl?", "number", "For how many milliseconds it will."),
        ]),
    ),
    (
        "RequestOptions",
        None,
        "A request of platforms up to 2.2.",
        Is::Object(&[
            ("headers?", "{ [name: string]: string }", "The headers."),
            ("body?", "any", "The body."),
            ("json?", "any", "`true`: the answer is JSON; a value: the body is."),
            ("form?", "{ [name: string]: any }", "The body, as a form."),
            ("qs?", "{ [name: string]: any }", "The query."),
            ("maxAttempts?", "number", "How often it is sent, 1 to 5."),
            ("retryDelay?", "number", "Milliseconds between, up to 1500."),
            ("cache?", "boolean", "Whether an earlier answer will do."),
            ("ttl?", "number", "For how many milliseconds it will."),
        ]),
    ),
    (
        "Request",
        None,
        "Requests to other services: `$request`.",
        Is::Object(&[
            (
                "invokeTemplate",
                "(name: string, options?: TemplateOptions) => PlatformPromise<RequestAnswer>",
                "Sends a template of config/requests.json (2.3, 3.0).",
            ),
            ("get", "(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>", "GET, up to 2.2."),
            ("post", "(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>", "POST, up to 2.2."),
            ("put", "(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>", "PUT, up to 2.2."),
            ("patch", "(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>", "PATCH, up to 2.2."),
            (
                "delete",
                "(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>",
                "DELETE, up to 2.2.",
            ),
        ]),
    ),
    (
        "ScheduleDefinition",
        None,
        "Something put off.",
        Is::Object(&[
            ("name", "string", "At most 30 characters."),
            ("data", "object", "What onScheduledEvent is handed as `data`, at most 4 KB."),
            ("schedule_at", "string", "When, in ISO 8601; at least 5 minutes ahead."),
            (
                "repeat?",
                "{ time_unit: \"minutes\" | \"hours\" | \"days\"; frequency: number }",
                "How often from then on; without, once.",
            ),
        ]),
    ),
    (
        "Schedule",
        None,
        "What is put off: `$schedule`.",
        Is::Object(&[
            (
                "create",
                "(schedule: ScheduleDefinition) => PlatformPromise<{ status: number; message: string }>",
                "Puts something off.",
            ),
            (
                "update",
                "(schedule: ScheduleDefinition) => PlatformPromise<{ status: number; message: string }>",
                "Changes it.",
            ),
            ("fetch", "(schedule: { name: string }) => PlatformPromise<ScheduleDefinition>", "Says what was given."),
            (
                "delete",
                "(schedule: { name: string }) => PlatformPromise<{ status: number; message: string }>",
                "Gives it up.",
            ),
        ]),
    ),
    (
        "RenderData",
        None,
        "Ends a set-up event: all is well, or the error says why not.",
        Is::Alias("(error?: { message?: string; status?: number } | null, data?: any) => void"),
    ),
    (
        "GenerateTargetUrl",
        None,
        "An address that other services can call; onExternalEvent is then fired.",
        Is::Alias("(options?: object) => PlatformPromise<string>"),
    ),
];

/// The globals of an app's code, as a TypeScript module declares them. What Node.js and browsers have too is named as their
/// own types name it, so that these go together.
pub(super) const GLOBALS: &str = "\
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
";

/// Whether a type of the platform's has that name.
pub(super) fn has(name: &str) -> bool {
    TYPES.iter().any(|(known, ..)| *known == name)
}

/// The types of the platform's objects, and of a callback.
pub(super) fn declarations() -> Vec<Declaration> {
    let attribute = |(name, of, doc): &(&str, &str, &str)| Attribute {
        name: name.trim_end_matches('?').to_owned(),
        doc: (*doc).to_owned(),
        optional: name.ends_with('?'),
        of: (*of).to_owned(),
    };
    let declaration = |(name, parameter, doc, is): &Row| Declaration {
        name: (*name).to_owned(),
        parameter: *parameter,
        doc: (*doc).to_owned(),
        body: match is {
            Is::Object(attributes) => Body::Object(attributes.iter().map(attribute).collect()),
            Is::Alias(of) => Body::Alias((*of).to_owned()),
        },
    };
    TYPES.iter().map(declaration).collect()
}
