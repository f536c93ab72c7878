// Reminds the team to look at a user whose details have changed.
exports = {
  onInstallCallback: function (payload) {
    const minutes = payload.iparams.wait_minutes;
    if (minutes < 5) {
      return renderData({ message: 'A reminder takes 5 minutes at least' });
    }
    console.log('reminders come after ' + minutes + ' minutes');
    renderData();
  },

  onUserUpdateCallback: async function (payload) {
    const user = payload.data.user;
    const reminder = {
      name: 'look-at-' + user.id.slice(0, 8),
      data: { user: user.id, changed: Object.keys(payload.data.changes) },
      schedule_at: new Date(payload.timestamp + payload.iparams.wait_minutes * 60000).toISOString()
    };
    try {
      await $schedule.create(reminder);
      return 'created';
    } catch (error) {
      console.warn(error.message);
      await $schedule.update(reminder);
      return 'put off';
    }
  },

  onReminderCallback: function (payload) {
    console.log('look at ' + payload.data.user + ': ' + payload.data.changed.join(', '));
  }
};
