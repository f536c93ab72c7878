
/**
 * Brings a contact of the CRM up to date. Here, mocks/keepContact.json answers.
 * @param {import("../simctl-types").User} user
 */
async function keepContact(user) {
  const body = JSON.stringify({ name: user.first_name, email: user.email });
  const answer = await $request.invokeTemplate("keepContact", { context: { user: user.id }, body: body });
  return JSON.parse(answer.response).id;
}
