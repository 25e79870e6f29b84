{#- The conversations of ElevenLabs that are calls: those that were spoken. The details say so; where
    they are not exported the channel does. WhatsApp has both, and counts as written then. -#}
{% macro elevenlabs_spoken() %}
  select coalesce(listed.conversation_id, details.conversation_id) as conversation_id
  from ({{ raw_rows('elevenlabs_conversations', ['conversation_id', 'conversation_initiation_source']) }}) as listed
  full outer join ({{ raw_rows('elevenlabs_conversation_details', [
    'conversation_id', 'metadata.conversation_initiation_source', 'metadata.text_only',
  ]) }}) as details on details.conversation_id = listed.conversation_id
  where not coalesce(
    details.metadata__text_only,
    coalesce(listed.conversation_initiation_source, details.metadata__conversation_initiation_source) in (
      'twilio_sms', 'whatsapp', 'zendesk_integration', 'slack_integration', 'telegram_integration',
      'intercom_integration', 'freshdesk_integration', 'salesforce_integration'
    ),
    false
  )
{% endmacro %}
