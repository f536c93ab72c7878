// Made by `simctl schema types --lang jsdoc`: what an app is handed, and what it finds around it.

/**
 * Each event's payload, by the event's name.
 * @typedef {object} SimctlEvents
 * @property {AfterAppUpdatePayload} afterAppUpdate the app has been updated to a new version
 * @property {OnAppInstallPayload} onAppInstall an account's administrator installs the app
 * @property {OnAppUninstallPayload} onAppUninstall an account's administrator removes the app
 * @property {OnExternalEventPayload} onExternalEvent another service calls the address of `generateTargetUrl`
 * @property {OnScheduledEventPayload} onScheduledEvent the time of a schedule has come
 * @property {OnUserCreatePayload} onUserCreate a user initiates a conversation
 * @property {OnUserUpdatePayload} onUserUpdate a user's information is updated, by the user or by an agent
 */

/**
 * What an app is handed once it has been brought to a new version. The update waits for `renderData`: an error
 * there undoes it. The envelope's own attributes are described by shared/envelope-2 and shared/envelope-3.
 * @typedef {object} AfterAppUpdatePayload
 * @property {EnvelopeCurrentHost} currentHost The products that the app is installed in.
 * @property {"US" | "EU" | "EUC" | "AUS" | "IND"} region Where the account's data is kept.
 * @property {number} timestamp When the event happened: milliseconds since the start of 1970, UTC.
 * @property {string} version The version of the payload's format.
 * @property {"afterAppUpdate"} event The event's name.
 * @property {{ [name: string]: any }} [iparams] The app's installation parameters, by name; absent where the app has none.
 */

/**
 * The products that the app is installed in.
 * @typedef {object} EnvelopeCurrentHost
 * @property {string[]} subscribed_modules The modules that the app subscribes to and the account has.
 * @property {{ [name: string]: string }} endpoint_urls By product, the URL at which it answers.
 */

/**
 * What an app is handed before it is installed. The installation waits for `renderData`: an error there stops
 * it. The envelope's own attributes are described by shared/envelope-2 and shared/envelope-3.
 * @typedef {object} OnAppInstallPayload
 * @property {EnvelopeCurrentHost2} currentHost The products that the app is installed in.
 * @property {"US" | "EU" | "EUC" | "AUS" | "IND"} region Where the account's data is kept.
 * @property {number} timestamp When the event happened: milliseconds since the start of 1970, UTC.
 * @property {string} version The version of the payload's format.
 * @property {"onAppInstall"} event The event's name.
 * @property {{ [name: string]: any }} [iparams] The app's installation parameters, by name; absent where the app has none.
 */

/**
 * The products that the app is installed in.
 * @typedef {object} EnvelopeCurrentHost2
 * @property {string[]} subscribed_modules The modules that the app subscribes to and the account has.
 * @property {{ [name: string]: string }} endpoint_urls By product, the URL at which it answers.
 */

/**
 * What an app is handed before it is removed. The removal waits for `renderData`: an error there stops it. The
 * envelope's own attributes are described by shared/envelope-2 and shared/envelope-3.
 * @typedef {object} OnAppUninstallPayload
 * @property {EnvelopeCurrentHost3} currentHost The products that the app is installed in.
 * @property {"US" | "EU" | "EUC" | "AUS" | "IND"} region Where the account's data is kept.
 * @property {number} timestamp When the event happened: milliseconds since the start of 1970, UTC.
 * @property {string} version The version of the payload's format.
 * @property {"onAppUninstall"} event The event's name.
 * @property {{ [name: string]: any }} [iparams] The app's installation parameters, by name; absent where the app has none.
 */

/**
 * The products that the app is installed in.
 * @typedef {object} EnvelopeCurrentHost3
 * @property {string[]} subscribed_modules The modules that the app subscribes to and the account has.
 * @property {{ [name: string]: string }} endpoint_urls By product, the URL at which it answers.
 */

/**
 * What an app is handed when another service calls the address that `generateTargetUrl` gave. The envelope's own
 * attributes are described by shared/envelope-2 and shared/envelope-3.
 * @typedef {object} OnExternalEventPayload
 * @property {EnvelopeCurrentHost4} currentHost The products that the app is installed in.
 * @property {"US" | "EU" | "EUC" | "AUS" | "IND"} region Where the account's data is kept.
 * @property {number} timestamp When the event happened: milliseconds since the start of 1970, UTC.
 * @property {string} version The version of the payload's format.
 * @property {"onExternalEvent"} event The event's name.
 * @property {{ [name: string]: any }} data What the service sent: a JSON body as it is, XML and forms as an object.
 * @property {{ [name: string]: string }} [headers] The headers of the service's request, by name.
 * @property {{ [name: string]: any }} [iparams] The app's installation parameters, by name; absent where the app has none.
 */

/**
 * The products that the app is installed in.
 * @typedef {object} EnvelopeCurrentHost4
 * @property {string[]} subscribed_modules The modules that the app subscribes to and the account has.
 * @property {{ [name: string]: string }} endpoint_urls By product, the URL at which it answers.
 */

/**
 * What an app is handed when the time of a schedule has come. The envelope's own attributes are described by
 * shared/envelope-2 and shared/envelope-3.
 * @typedef {object} OnScheduledEventPayload
 * @property {EnvelopeCurrentHost5} currentHost The products that the app is installed in.
 * @property {"US" | "EU" | "EUC" | "AUS" | "IND"} region Where the account's data is kept.
 * @property {number} timestamp When the event happened: milliseconds since the start of 1970, UTC.
 * @property {string} version The version of the payload's format.
 * @property {"onScheduledEvent"} event The event's name.
 * @property {{ [name: string]: any }} data What `$schedule.create` was given as `data`.
 * @property {{ [name: string]: any }} [iparams] The app's installation parameters, by name; absent where the app has none.
 */

/**
 * The products that the app is installed in.
 * @typedef {object} EnvelopeCurrentHost5
 * @property {string[]} subscribed_modules The modules that the app subscribes to and the account has.
 * @property {{ [name: string]: string }} endpoint_urls By product, the URL at which it answers.
 */

/**
 * What an app is handed when a user starts a conversation. The envelope's own attributes are described by
 * shared/envelope-2 and shared/envelope-3.
 * @typedef {object} OnUserCreatePayload
 * @property {EnvelopeCurrentHost6} currentHost The products that the app is installed in.
 * @property {"US" | "EU" | "EUC" | "AUS" | "IND"} region Where the account's data is kept.
 * @property {number} timestamp When the event happened: milliseconds since the start of 1970, UTC.
 * @property {string} version The version of the payload's format.
 * @property {"onUserCreate"} event The event's name.
 * @property {OnUserCreateData} data What the event is about.
 * @property {{ [name: string]: any }} [iparams] The app's installation parameters, by name; absent where the app has none.
 */

/**
 * The products that the app is installed in.
 * @typedef {object} EnvelopeCurrentHost6
 * @property {string[]} subscribed_modules The modules that the app subscribes to and the account has.
 * @property {{ [name: string]: string }} endpoint_urls By product, the URL at which it answers.
 */

/**
 * What the event is about.
 * @typedef {object} OnUserCreateData
 * @property {Actor} [actor] The user who posted the message. The development kit's samples leave it empty.
 * @property {{ [name: string]: any } | null} [associations] Objects that belong to the message; null for this event. The development kit's samples have an empty object.
 * @property {User} user The user who initiated the conversation.
 */

/**
 * The person who made the event happen: an agent, or the user.
 * @typedef {object} Actor
 * @property {"agent" | "user"} [type] What kind of person it is.
 * @property {string} [id] An agent's or a user's identifier, as `type` says.
 * @property {string} [first_name] The actor's business name.
 * @property {string} [last_name] The actor's last name.
 * @property {string} [email] The actor's email address.
 * @property {ActorAvatar} [avatar] The actor's picture.
 */

/**
 * The actor's picture.
 * @typedef {object} ActorAvatar
 * @property {string} [url] Where the picture is fetched from.
 */

/**
 * A user of the chat product: the one whom the event is about.
 * @typedef {object} User
 * @property {string} id The user's identifier, made by the product when the conversation is initiated.
 * @property {string} [reference_id] An identifier from elsewhere that the user gave, such as an email address or a phone number.
 * @property {string} created_time When the user's information was created, in UTC.
 * @property {string} [first_name] The user's business name.
 * @property {string} [last_name] The user's last name.
 * @property {string} [email] The user's email address.
 * @property {string} [phone] The user's phone number.
 * @property {UserAvatar} [avatar] The user's picture.
 * @property {UserPropertiesItem[]} [properties] What else is known of the user, as custom properties.
 * @property {Actor} [actor] Another place for `data.actor`: the vendor's outline of onUserCreate prints it here.
 * @property {{ [name: string]: any } | null} [associations] Another place for `data.associations`: the vendor's outline of onUserCreate prints it here.
 */

/**
 * The user's picture.
 * @typedef {object} UserAvatar
 * @property {string} [url] Where the picture is fetched from.
 */

/**
 * One custom property.
 * @typedef {object} UserPropertiesItem
 * @property {string} [name] The custom property's name.
 * @property {string} [value] The custom property's value.
 */

/**
 * What an app is handed when a user's information is changed, by the user or by an agent. The envelope's own
 * attributes are described by shared/envelope-2 and shared/envelope-3.
 * @typedef {object} OnUserUpdatePayload
 * @property {EnvelopeCurrentHost7} currentHost The products that the app is installed in.
 * @property {"US" | "EU" | "EUC" | "AUS" | "IND"} region Where the account's data is kept.
 * @property {number} timestamp When the event happened: milliseconds since the start of 1970, UTC.
 * @property {string} version The version of the payload's format.
 * @property {"onUserUpdate"} event The event's name.
 * @property {OnUserUpdateData} data What the event is about.
 * @property {{ [name: string]: any }} [iparams] The app's installation parameters, by name; absent where the app has none.
 */

/**
 * The products that the app is installed in.
 * @typedef {object} EnvelopeCurrentHost7
 * @property {string[]} subscribed_modules The modules that the app subscribes to and the account has.
 * @property {{ [name: string]: string }} endpoint_urls By product, the URL at which it answers.
 */

/**
 * What the event is about.
 * @typedef {object} OnUserUpdateData
 * @property {Actor & Required<Pick<Actor, "type" | "id">>} actor Who changed the user's information.
 * @property {{ [name: string]: any } | null} [associations] Objects that belong to the message; an object or null.
 * @property {Changes} changes
 * @property {User} user The user whose information changed, with the new values.
 */

/**
 * Which of the user's fields changed: by field, the new value and the old one. The development kit's samples
 * have the pairs under `model_changes` and the old value first.
 * @typedef {{ [Field in keyof User]?: ChangesPair<User[Field]> } & { model_changes?: { [Field in keyof User]?: ChangesPair<User[Field]> } }} Changes
 */

/**
 * The field's two values; null where the user had none.
 * @template Value
 * @typedef {[NonNullable<Value> | null, NonNullable<Value> | null]} ChangesPair
 */

/**
 * A callback of that event: `Handler<"onUserCreate">`.
 * @template {keyof SimctlEvents} Event
 * @typedef {(payload: SimctlEvents[Event]) => any} Handler
 */

/**
 * What the platform's calls return: a promise with three methods more.
 * @template Value
 * @typedef {Promise<Value> & { done(callback: (value: Value) => any): PlatformPromise<Value>; fail(callback: (error: any) => any): PlatformPromise<Value>; always(callback: () => any): PlatformPromise<Value> }} PlatformPromise
 */

/**
 * What a call is rejected with.
 * @typedef {object} PlatformError
 * @property {number} status As in HTTP.
 * @property {string} message What is wrong.
 */

/**
 * How a record is written.
 * @typedef {object} DbOptions
 * @property {number} [ttl] Seconds until it is gone; without, it stays.
 * @property {"exist" | "not_exist"} [setIf] Only where there is such a record, or none.
 */

/**
 * Records that stay: `$db`.
 * @typedef {object} Db
 * @property {(key: string, value: object, options?: DbOptions) => PlatformPromise<{ Created: boolean }>} set Writes a record.
 * @property {(key: string) => PlatformPromise<any>} get Reads one; 404 where there is none.
 * @property {(key: string, action: "increment" | "append" | "set" | "remove", attributes: object, options?: { setIf?: "exist" | "not_exist" }) => PlatformPromise<{ Updated: boolean }>} update Changes attributes of one.
 * @property {(key: string) => PlatformPromise<{ Deleted: boolean }>} delete Deletes one.
 */

/**
 * What a request is answered with, and from status 400 on rejected with.
 * @typedef {object} RequestAnswer
 * @property {number} status The status.
 * @property {{ [name: string]: any }} headers The headers.
 * @property {any} response The body: a text, or with `json: true` the value.
 * @property {number} attempts How often it was sent.
 */

/**
 * What a request template is filled in with.
 * @typedef {object} TemplateOptions
 * @property {{ [name: string]: any }} [context] What `<%= context.x %>` stands for.
 * @property {string} [body] The body.
 * @property {boolean} [cache] Whether an earlier answer will do.
 * @property {number} [ttl] For how many milliseconds it will.
 */

/**
 * A request of platforms up to 2.2.
 * @typedef {object} RequestOptions
 * @property {{ [name: string]: string }} [headers] The headers.
 * @property {any} [body] The body.
 * @property {any} [json] `true`: the answer is JSON; a value: the body is.
 * @property {{ [name: string]: any }} [form] The body, as a form.
 * @property {{ [name: string]: any }} [qs] The query.
 * @property {number} [maxAttempts] How often it is sent, 1 to 5.
 * @property {number} [retryDelay] Milliseconds between, up to 1500.
 * @property {boolean} [cache] Whether an earlier answer will do.
 * @property {number} [ttl] For how many milliseconds it will.
 */

/**
 * Requests to other services: `$request`.
 * @typedef {object} Request
 * @property {(name: string, options?: TemplateOptions) => PlatformPromise<RequestAnswer>} invokeTemplate Sends a template of config/requests.json (2.3, 3.0).
 * @property {(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>} get GET, up to 2.2.
 * @property {(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>} post POST, up to 2.2.
 * @property {(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>} put PUT, up to 2.2.
 * @property {(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>} patch PATCH, up to 2.2.
 * @property {(url: string, options?: RequestOptions) => PlatformPromise<RequestAnswer>} delete DELETE, up to 2.2.
 */

/**
 * Something put off.
 * @typedef {object} ScheduleDefinition
 * @property {string} name At most 30 characters.
 * @property {object} data What onScheduledEvent is handed as `data`, at most 4 KB.
 * @property {string} schedule_at When, in ISO 8601; at least 5 minutes ahead.
 * @property {{ time_unit: "minutes" | "hours" | "days"; frequency: number }} [repeat] How often from then on; without, once.
 */

/**
 * What is put off: `$schedule`.
 * @typedef {object} Schedule
 * @property {(schedule: ScheduleDefinition) => PlatformPromise<{ status: number; message: string }>} create Puts something off.
 * @property {(schedule: ScheduleDefinition) => PlatformPromise<{ status: number; message: string }>} update Changes it.
 * @property {(schedule: { name: string }) => PlatformPromise<ScheduleDefinition>} fetch Says what was given.
 * @property {(schedule: { name: string }) => PlatformPromise<{ status: number; message: string }>} delete Gives it up.
 */

/**
 * Ends a set-up event: all is well, or the error says why not.
 * @typedef {(error?: { message?: string; status?: number } | null, data?: any) => void} RenderData
 */

/**
 * An address that other services can call; onExternalEvent is then fired.
 * @typedef {(options?: object) => PlatformPromise<string>} GenerateTargetUrl
 */

export {};
