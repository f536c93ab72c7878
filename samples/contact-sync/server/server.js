// Keeps a contact of a CRM in step with each user, and remembers which contact is whose.
const contact = require("./lib/contact");

exports = {
  syncContact: async function (payload) {
    const user = payload.data.user;
    const known = await contact.find(user.id);
    const body = JSON.stringify(contact.from(user));

    if (known) {
      await $request.invokeTemplate("updateContact", { context: { contact: known.contact }, body: body });
      await $db.update(known.key, "increment", { updates: 1 });
      console.log("contact %s is up to date", known.contact);
      return { updated: known.contact };
    }
    const answer = await $request.invokeTemplate("createContact", { body: body });
    const made = JSON.parse(answer.response);
    await contact.remember(user.id, made.id);
    console.log("contact %s is new", made.id);
    return { created: made.id };
  }
};
