// What the app does when an event arrives: manifest.json says which function is called for which.
// `simctl schema types --lang ts > simctl-types.d.ts` tells an editor what is in a payload.
