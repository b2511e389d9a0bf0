"""Mails and payloads as they arrive, for the tests: of the shapes that RFC 3464, RFC 5965 and the providers document."""

import json

USER_UNKNOWN = "Recipient address rejected: User unknown in virtual mailbox table"
OVER_QUOTA = "The email account that you tried to reach is over quota"


def delivery_status(*recipients, status="5.1.1", diagnostic=USER_UNKNOWN):
    """A delivery status notification (RFC 3464) about some recipients, as Postfix writes it."""
    fields = "".join(f"""
Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 {status} <{recipient}>: {diagnostic}
""" for recipient in recipients)
    words = "".join(f"<{recipient}>: host mx.example.org[192.0.2.25] said: 550 {status}\n    <{recipient}>: {diagnostic}\n"
                    for recipient in recipients)
    return f"""Return-Path: <>
Date: Mon, 2 Mar 2026 09:15:07 +0000
From: MAILER-DAEMON@mail.example.com (Mail Delivery System)
To: bounces@mail.example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="4f2B"

--4f2B
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mail.example.com.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

{words}
--4f2B
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com
Arrival-Date: Mon, 2 Mar 2026 09:15:00 +0000
{fields}
--4f2B
Content-Type: text/rfc822-headers

From: news@mail.example.com
Subject: What is new in March
Date: Mon, 2 Mar 2026 09:15:00 +0000
Message-ID: <march-17@mail.example.com>

--4f2B--
"""


def feedback_report(recipient):
    """A complaint (RFC 5965)."""
    return f"""From: <feedback@mailbox.example>
To: <complaints@mail.example.com>
Date: Mon, 2 Mar 2026 10:00:00 +0000
Subject: FW: What is new in March
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="c7"

--c7
Content-Type: text/plain; charset=us-ascii

This is an email abuse report.

--c7
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <{recipient}>
Reporting-MTA: dns; mail.mailbox.example

--c7
Content-Type: message/rfc822

From: news@mail.example.com
To: {recipient}
Subject: What is new in March
Message-ID: <march-17@mail.example.com>

News.
--c7--
"""


VACATION = """From: Ada <ada@example.org>
To: news@mail.example.com
Date: Mon, 2 Mar 2026 09:20:00 +0000
Subject: Automatic reply: What is new in March
Auto-Submitted: auto-replied

I am out of the office until Monday.
"""


def ses_bounce(*recipients, feedback_id="0100017f-ses-1"):
    """A permanent bounce, as Amazon SES publishes it."""
    return json.dumps({
        "notificationType": "Bounce",
        "bounce": {
            "feedbackId": feedback_id, "bounceType": "Permanent", "bounceSubType": "General",
            "timestamp": "2026-03-02T09:15:07.000Z", "remoteMtaIp": "192.0.2.25",
            "bouncedRecipients": [{"emailAddress": recipient, "action": "failed", "status": "5.1.1",
                                   "diagnosticCode": "smtp; 550 5.1.1 user unknown"} for recipient in recipients]},
        "mail": {"timestamp": "2026-03-02T09:15:00.000Z", "messageId": "0100017f-mail-1", "source": "news@mail.example.com",
                 "destination": list(recipients)}})


def by_mail(event):
    """An event as Amazon SNS sends it to a mail address."""
    return f"""From: Bounces <no-reply@sns.amazonaws.com>
To: bounces@mail.example.com
Date: Mon, 2 Mar 2026 09:15:09 +0000
Subject: Amazon SES Email Event Notification
MIME-Version: 1.0
Content-Type: text/plain; charset=UTF-8

{event}

--
If you wish to stop receiving notifications from this topic, please visit the link below.
"""


def sendgrid_events(*events):
    """An array of events, each (recipient, id), all of them bounces, as SendGrid's Event Webhook posts it."""
    return json.dumps([{"email": recipient, "event": "bounce", "type": "bounce", "status": "5.1.1", "timestamp": 1772442907,
                        "reason": "550 5.1.1 user unknown", "sg_event_id": event_id, "smtp-id": "<march-17@mail.example.com>"}
                       for recipient, event_id in events])
