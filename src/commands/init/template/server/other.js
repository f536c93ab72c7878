  /**
   * SUMMARY.
   * @param {import("../simctl-types").PAYLOAD} payload
   */
  EVENTCallback: function (payload) {
    console.log("%s in %s", payload.event, payload.region);
  }
